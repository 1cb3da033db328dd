"""Parameters that are frozen or have no gradient stay, and move once they are unfrozen; no gradients do no harm.

For training on top of frozen layers: decoupled weight decay that shrinks them, a step count that goes on while
nothing has a gradient, and a list of trainable parameters that is made once. Three steps before and four after the
empty one.
Controls: an AdamW that decays what is frozen, an Adam that never steps what was frozen when it was made.
"""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself, not_by_design
from ...result import Failed
from ..faults import reported_at
from ..runs import clones, run
from ._separate_optimizers import difference_from_separate, each_case, run_separately


@check("T7", place=5, since="0.2")
def frozen(context: Context) -> None:
    each_for_itself(context)
    for case, start, history in each_case(context):
        with reported_at(case, context.dtypes[0]):
            params = clones(start)
            params[1].requires_grad_(False)
            optimizer = context.build(params, **case.hyper)
            # As a loop does before its first backward(): with no gradient anywhere, nothing may raise.
            optimizer.zero_grad()
            optimizer.step()
            partly: Any = [[row[0], None, None] for row in history]
            found = run(optimizer, params, [*partly[:3], [None] * 3, *partly[3:]])
            for i, kind in ((1, "requires_grad=False"), (2, "no gradient at any step")):
                if not torch.equal(params[i], start[i]):
                    raise Failed(f"parameter {i} ({kind}) moved", cause="what has no gradient is updated all the same")
            if not torch.equal(found[3][0], found[2][0]):
                raise Failed("a step without any gradient moved parameter 0")
            not_by_design(context, "group-state")
            if difference := difference_from_separate(
                [*found[:3], *found[4:]], run_separately(context, case.hyper, start, history, 0), start, 0
            ):
                raise Failed(
                    f"beside frozen parameters, and after steps without any gradient, it differs: {difference} "
                    "(of those with a gradient)",
                    cause="a counter runs on without a gradient",
                )
            _judge_unfrozen(context, case, params, optimizer, start, history)


def _judge_unfrozen(context: Context, case: Case, params: Any, optimizer: Any, start: Any, history: Any) -> None:
    """What was frozen when the optimizer was made starts now, as in an optimizer of its own."""
    params[1].requires_grad_(True)
    found = run(optimizer, params, history)
    if difference := difference_from_separate(found, run_separately(context, case.hyper, start, history, 1), start, 1):
        raise Failed(
            f"parameter 1 was frozen and is not any more, and it does not go as one that starts then: {difference}",
            cause="which parameters step is decided when the optimizer is made",
        )
