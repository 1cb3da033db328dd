"""A parameter whose values the caller replaces between two steps goes on from there.

For an optimizer that steps a master copy and overwrites the parameter: weight averaging, clipping of weights, and a
checkpoint loaded into the model write there between two steps.
Control: an SGD with such a copy. What the reference does too belongs to the rule and is no fault.
"""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed
from ..cases import cases_of
from ..faults import reported_at, unless_by_design
from ..runs import Snapshot, clones, gradient_history, run, snapshot

SHIFT = 1000.0  # no step between N(0, 1) is as long


@check("T8", place=3, since="0.2")
def outside_changes(context: Context) -> None:
    for case in cases_of(context):
        with reported_at(case, context.dtypes[0]):
            unless_by_design(context, case, _judge_outside_change)


def _judge_outside_change(context: Context, case: Case) -> None:
    params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    history = gradient_history(context.seed, 4, params)
    optimizer = context.build(params, **case.hyper)
    run(optimizer, params, history[:3])
    before = snapshot(params)
    with torch.no_grad():
        # In place, as clipping, weight averaging and load_state_dict of a module write.
        for p in params:
            p.add_(SHIFT)
    run(optimizer, params, history[3:])
    # A rule whose steps grow with the parameter (Adafactor's: by 576) takes some elements further away. Measured over
    # torch.optim and the formulas, the furthest of each parameter ends at 944 or more; from a kept copy, below 10.
    for i, (p, was) in enumerate(zip(params, before, strict=True)):
        left = float((p.detach() - was).abs().max())
        if left < SHIFT / 10 and not _goes_as_a_fresh_start(context, case, before, history, p, i):
            raise Failed(f"parameter {i} had {SHIFT:g} added between steps 3 and 4; step 4 left {left:.4g} of it",
                         cause="it steps from a copy of the parameter that it keeps")  # fmt: skip


def _goes_as_a_fresh_start(
    context: Context, case: Case, before: Snapshot, history: Any, found: torch.Tensor, i: int
) -> bool:
    """Whether it ends nearer to where one goes that starts at the new value than to where it went without the change.

    A decay that grows with the parameter takes off most of the shift by design, and from a fresh start as well.
    """
    ends = []
    for shift in (SHIFT, 0.0):
        params = clones(before)
        with torch.no_grad():
            for p in params:
                p.add_(shift)
        run(context.build(params, **case.hyper), params, history[3:])
        ends.append(float((params[i].detach() - found.detach()).abs().max()))
    return ends[0] < ends[1]
