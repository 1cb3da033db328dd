"""group["lr"] rules the very next step: 0 freezes, another value acts at once, the old one moves again."""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..trials import Snapshot, at, cases_of, clones, groups_of, history, run, snapshot, unless_by_design

Hyper = dict[str, Any]


@check("T5", place=3)
def learning_rate_change(c: Context) -> None:
    for case in cases_of(c)[: 1 if c.whole else None]:  # a search may find one place from two first lengths
        with at(case, c.dtypes[0]):
            unless_by_design(c, case, _rate_rules)


def _rate_rules(c: Context, case: Case) -> None:
    hyper = {**case.hyper, **({"weight_decay": 0} if "weight_decay" in c.subject.options else {})}
    start = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    rows = history(c.seed, 6, start)
    frozen = _with_rates(c, hyper, start, rows, {0: 0.0, 1: 1.0})
    for i, (was, now, later) in enumerate(zip(snapshot(start), frozen[0], frozen[1], strict=True)):
        if not torch.equal(was, now):
            raise Failed(
                f'group["lr"] set to 0 before step 1, weight decay 0, and parameter {i} moved by '
                f"{float((was - now).abs().max()):.3g}",
                cause="the learning rate of the constructor is used, not the group's",
            )
        if torch.equal(now, later):
            raise Failed(f'group["lr"] back at its old value before step 2, and parameter {i} did not move')
    steady = _with_rates(c, hyper, start, rows, {})
    changed = _with_rates(c, hyper, start, rows, {3: 0.1})
    for i, (a, b) in enumerate(zip(steady[3], changed[3], strict=True)):
        if torch.equal(a, b):
            raise Failed(
                f'group["lr"] divided by 10 before step 4, and step 4 took parameter {i} exactly where it goes '
                "without the change",
                cause="a changed learning rate acts late or never",
            )


def _with_rates(c: Context, hyper: Hyper, start: Any, rows: Any, factors: dict[int, float]) -> list[Snapshot]:
    """A run whose learning rate becomes factor times the first before the steps named (from 0)."""
    params = clones(start)
    optimizer = c.build(params, **hyper)
    groups = groups_of(optimizer)
    rates: list[Any] = [group.get("lr") for group in groups]
    if not all(isinstance(rate, (int, float)) and rate for rate in rates):
        raise NotApplicable(f'its group["lr"] is {rates[0]!r}, not a number that a schedule could change')

    def before(step: int) -> None:
        for group, rate in zip(groups, rates, strict=True):
            if step in factors:
                group["lr"] = rate * factors[step]

    return run(optimizer, params, rows, before)
