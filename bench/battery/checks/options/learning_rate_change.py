"""group["lr"] rules the very next step: 0 freezes, another value acts at once, the old one moves again.

Bugs: transformers#34506 (the constructor's lr is kept), fairseq#5561 (the lr of the first step is kept). A rate of 0
shows what is kept, whatever its size; a tenth before step 4 shows what acts a step late. Weight decay is off, since
decay that is not scaled by lr moves parameters at a rate of 0 by design.
Controls: an optimizer with each of these. What the reference does too (torch's Rprop reads lr once) is no fault.
"""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..faults import reported_at, unless_by_design
from ..runs import Snapshot, clones, gradient_history, run, snapshot
from ..state import groups_of

Hyper = dict[str, Any]


@check("T5", place=3, since="0.2")
def learning_rate_change(context: Context) -> None:
    for case in cases_of(context)[: 1 if context.whole else None]:  # a search may find one place from two first lengths
        with reported_at(case, context.dtypes[0]):
            unless_by_design(context, case, _judge_rate_changes)


def _judge_rate_changes(context: Context, case: Case) -> None:
    hyper = {**case.hyper, **({"weight_decay": 0} if "weight_decay" in context.subject.options else {})}
    start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    history = gradient_history(context.seed, 6, start)
    frozen = _run_with_rates(context, hyper, start, history, {0: 0.0, 1: 1.0})
    for i, (was, now, later) in enumerate(zip(snapshot(start), frozen[0], frozen[1], strict=True)):
        if not bool(((was - now).abs() <= torch.finfo(was.dtype).eps * was.abs()).all()):  # one rounding is no motion
            raise Failed(
                f'group["lr"] set to 0 before step 1, weight decay 0, and parameter {i} moved by '
                f"{float((was - now).abs().max()):.3g}",
                cause="the learning rate of the constructor is used, not the group's",
            )
        # The control: it did stand still because of the 0, not because it never moves.
        if torch.equal(now, later):
            raise Failed(f'group["lr"] back at its old value before step 2, and parameter {i} did not move')
    # The fourth step, so that there is a state; a tenth, which is seen whether lr stands inside a buffer or outside.
    steady = _run_with_rates(context, hyper, start, history, {})
    changed = _run_with_rates(context, hyper, start, history, {3: 0.1})
    for i, (a, b) in enumerate(zip(steady[3], changed[3], strict=True)):
        if torch.equal(a, b):
            raise Failed(
                f'group["lr"] divided by 10 before step 4, and step 4 took parameter {i} exactly where it goes '
                "without the change",
                cause="a changed learning rate acts late or never",
            )


def _run_with_rates(
    context: Context, hyper: Hyper, start: Any, history: Any, factors: dict[int, float]
) -> list[Snapshot]:
    """A run whose learning rate becomes factor times the first before the steps named (from 0)."""
    params = clones(start)
    optimizer = context.build(params, **hyper)
    groups = groups_of(optimizer)
    rates: list[Any] = [group.get("lr") for group in groups]
    if not all(isinstance(rate, (int, float)) and rate for rate in rates):
        raise NotApplicable(f'its group["lr"] is {rates[0]!r}, not a number that a schedule could change')

    def before(step: int) -> None:
        for group, rate in zip(groups, rates, strict=True):
            if step in factors:
                group["lr"] = rate * factors[step]

    return run(optimizer, params, history, before)
