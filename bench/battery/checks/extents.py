"""Beyond the usual: a large tensor, two dtypes in one optimizer, hyperparameters and gradients of other sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from ....scratch_impls import Case
from ...compare.scenario import Scenario, probe
from .agreement import judge
from ..context import Context, check, each_for_itself, parameters, subject_of
from .equal import best_dtype
from ..result import Failed, NotApplicable
from .trials import at, cases_of, clones, first_gap, history, only, run, snapshot

# Above the 65,536 that a 16-bit index counts, and a multiple of no block or vector.
LARGE = 70_001
FEW = 4  # iterations of a step that is many


@check("T12")
def large_tensor(c: Context) -> None:
    """Seventy thousand elements step as the reference's, to the last."""
    if c.against is None:
        raise NotApplicable("there is nothing to hold it against")
    case = cases_of(c)[0]
    if "max_iter" in case.hyper:  # each goes through all pairs that are remembered, and in float32 later ones are open
        case = dataclasses.replace(case, hyper={**case.hyper, "max_iter": FEW})
    for dtype in c.dtypes:
        judge(c, case, probe(c.seed, steps=1 if c.whole else 2, shapes=((LARGE,),)), dtype)


@check("T12")
def mixed_dtypes(c: Context) -> None:
    """Parameters of float32 and float64 in one optimizer go as in optimizers of their own."""
    each_for_itself(c)
    for case in cases_of(dataclasses.replace(c, quick=True)):
        start = [parameters(c.seed, ((5,),), dtype, c.device)[0] for dtype in ("float32", "float64") * 2]
        rows = history(c.seed, 6, start)
        try:
            alone = [_run(c, case, start, rows, i) for i in range(4)]
        except Exception as error:  # the checks of one format tell of it, where that format is judged
            raise NotApplicable(f"it does not step in both dtypes alone: {type(error).__name__}: {error}") from None
        try:
            together = _run(c, case, start, rows, 0, 1, 2, 3)
        except Exception as error:  # said aloud, nobody trains a model wrongly by it
            raise NotApplicable(f"it refuses parameters of two dtypes: {type(error).__name__}: {error}") from None
        with at(case):
            for i, mine in enumerate(alone):
                if told := first_gap([[row[i]] for row in together], mine, snapshot([start[i]]), names=[i]):
                    raise Failed(
                        f"a parameter of {start[i].dtype} beside others of two dtypes, and alone: {told}",
                        cause="parameters of another dtype than the first are left out or taken for it",
                    )


def _run(c: Context, case: Case, start: Any, rows: Any, *index: int) -> Any:
    params = clones([start[i] for i in index])
    return run(c.build(params, **case.hyper), params, only(rows, *index))


# What people set and no case has: each in the place of the case's own value.
UNUSUAL: dict[str, tuple[Any, ...]] = {"lr": (2.0, 1e-7), "weight_decay": (0.5,), "betas": ((0.0, 0.9),)}
GRADIENT = 1e4


@check("T13")
def unusual_values(c: Context) -> None:
    """lr of 2 and 1e-7, weight decay of 0.5, a first beta of 0 and gradients of 1e4 go as in the reference."""
    if c.against is None:
        raise NotApplicable("there is nothing to hold it against")
    usual = probe(c.seed, steps=9)
    for case in cases_of(dataclasses.replace(c, quick=True)):
        judge(c, case, _scaled(usual), best_dtype(c))
        for unusual in _unusual(c, case):
            judge(c, unusual, usual, best_dtype(c))


def _unusual(c: Context, case: Case) -> Iterator[Case]:
    """The case with one value changed, where both sides take that."""
    assert c.against is not None
    shared = set(c.subject.options) & set(subject_of(c.against.make, "").options)
    for name, values in UNUSUAL.items():
        for value in values if name in shared else ():
            hyper = {**case.hyper, name: value}
            try:
                for make in (c.subject.make, c.against.make):
                    make(parameters(c.seed), **hyper)
            except Exception:  # out of range for one of them
                continue
            yield dataclasses.replace(case, name=f"{case.name} with {name}={value}", hyper=hyper)


def _scaled(scenario: Scenario) -> Scenario:
    rows = tuple(tuple(None if g is None else GRADIENT * g for g in row) for row in scenario.gradients)
    return dataclasses.replace(scenario, name="large gradients", gradients=rows)
