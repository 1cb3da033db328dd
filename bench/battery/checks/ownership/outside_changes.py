"""A parameter whose values the caller replaces between two steps goes on from there."""

from __future__ import annotations

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed
from ..trials import at, cases_of, history, run, snapshot, unless_by_design

SHIFT = 1000.0  # no step between N(0, 1) is as long


@check("T8", place=3)
def outside_changes(c: Context) -> None:
    for case in cases_of(c):
        with at(case, c.dtypes[0]):
            unless_by_design(c, case, _from_there)


def _from_there(c: Context, case: Case) -> None:
    params = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    rows = history(c.seed, 4, params)
    optimizer = c.build(params, **case.hyper)
    run(optimizer, params, rows[:3])
    before = snapshot(params)
    with torch.no_grad():
        for p in params:
            p.add_(SHIFT)
    run(optimizer, params, rows[3:])
    # A rule whose steps grow with the parameter (Adafactor's: by 576) takes some elements further away. Measured over
    # torch.optim and the formulas, the furthest of each parameter ends at 944 or more; from a kept copy, below 10.
    for i, (p, was) in enumerate(zip(params, before, strict=True)):
        left = float((p.detach() - was).abs().max())
        if left < SHIFT / 10:
            raise Failed(f"parameter {i} had {SHIFT:g} added between steps 3 and 4; step 4 left {left:.4g} of it",
                         cause="it steps from a copy of the parameter that it keeps")  # fmt: skip
