"""lr of 2 and 1e-7, weight decay of 0.5, a first beta of 0 and gradients of 1e4 go as in the reference.

For limits that nobody documented: at usual values a capped lr or weight decay, a clip of gradients, and a beta of 0
that is taken for none cannot be seen. One value is changed at a time, and only where both sides take it.
Controls: an optimizer for each of these four.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from .....scratch_impls import Case
from ....compare.scenario import Scenario
from ...context import Context, check, parameters, subject_of
from ...result import NotApplicable
from ..cases import best_dtype, first_and_richest
from ..histories import probe
from ..reference_agreement import judge_agreement

# What people set and no case has: each in the place of the case's own value.
UNUSUAL: dict[str, tuple[Any, ...]] = {"lr": (2.0, 1e-7), "weight_decay": (0.5,), "betas": ((0.0, 0.9),)}


GRADIENT = 1e4


@check("T13", place=1, since="0.2")
def unusual_values(context: Context) -> None:
    if context.against is None:
        raise NotApplicable("there is nothing to hold it against")
    usual = probe(context, context.seed, steps=9)
    for case in first_and_richest(context):
        judge_agreement(context, case, _scaled(usual), best_dtype(context))
        for unusual in _unusual(context, case):
            judge_agreement(context, unusual, usual, best_dtype(context))


def _unusual(context: Context, case: Case) -> Iterator[Case]:
    """The case with one value changed, where both sides take that."""
    assert context.against is not None
    shared = set(context.subject.options) & set(subject_of(context.against.make, "").options)
    for name, values in UNUSUAL.items():
        for value in values if name in shared else ():
            hyper = {**case.hyper, name: value}
            try:
                context.subject.make(parameters(context.seed), **hyper)
                context.against.make(parameters(context.seed), **context.against.taken(hyper))
            except Exception:  # out of range for one of them
                continue
            yield dataclasses.replace(case, name=f"{case.name} with {name}={value}", hyper=hyper)


def _scaled(scenario: Scenario) -> Scenario:
    rows = tuple(tuple(None if g is None else GRADIENT * g for g in row) for row in scenario.gradients)
    return dataclasses.replace(scenario, name="large gradients", gradients=rows)
