"""Why two optimizers disagree, as far as the common conventions explain it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...reference.conventions import (
    COUNT_RUNS_ON,
    LR_CONSTANT,
    NONE_IS_ZERO,
    ONE_COUNT,
    Variant,
    slips,
    variants,
)
from ...reference.oracle import Trajectory
from ...scratch_impls import Spec
from .bounded import Bounded
from .bounds import bounded_hyper
from .gap import gaps
from .replay import Factory, trajectory
from .scenario import Scenario

WIDEST = "float64"
MOST_ELEMENTS = 1000  # a hundred slips of a large tensor take seconds; small ones show the same slip
MOST_ALIKE = 3  # of slips that one format cannot tell apart; more say that it tells nothing
Kind = Callable[[Spec, Mapping[str, Any]], Iterator[Variant]]


def likely_cause(
    spec: Spec,
    make: Factory,
    hyper: Mapping[str, Any],
    our_hyper: Mapping[str, Any],
    scenario: Scenario,
    dtype: str,
    device: str = "cpu",
) -> str:
    """The variant of the formula that the optimizer agrees with, in words; "" where none does, or nothing tells which.

    dtype   the format in which the disagreement was found: there a variant must agree. In float64 rounding is smallest,
            so that two conventions are not confused, and of several it has the last word; but a class that computes in
            float32 agrees with nothing there.
    """
    scenario = scenario.for_spec(spec)

    def walked(history: Scenario, dtype: str) -> _Walked:
        return _Walked(spec, make, hyper, our_hyper, history, dtype, device)

    found = walked(scenario, dtype)
    if found.end or not found.differs:
        return found.end
    wide = found if dtype == WIDEST else walked(scenario, WIDEST)
    if named := _agreeing_in_both(variants, found, wide):
        return named[0].says
    # What has no name may be a slip in one line of the formula; if so, it is one where some gradients are zero, too.
    if sum(np.size(start) for start in scenario.start) > MOST_ELEMENTS:
        return ""
    alike = _agreeing_in_both(slips, found, wide)
    zeros = walked(_with_zeros(scenario), wide.dtype if wide.differs else dtype) if alike else found
    alike = list(zeros.agreeing(alike)) if zeros.differs else alike
    return alike[0].says if alike else ""


def _agreeing_in_both(kind: Kind, found: _Walked, wide: _Walked) -> list[Variant]:
    every = list(kind(found.spec, found.hyper))
    if wide is found:
        return list(found.agreeing(every))
    if both := list(found.agreeing(wide.agreeing(every))):
        return both
    # Without float64's word one rule must be alone: a format may be too coarse to tell two apart.
    alone = list(itertools.islice(found.agreeing(every), MOST_ALIKE + 1))
    return alone if 0 < len(alone) <= MOST_ALIKE and _are_one(alone, wide) else []


def _are_one(some: Sequence[Variant], wide: _Walked) -> bool:
    """Whether they go one way, to the digits of float64: one rule in two forms, as eps in squares or in their mean."""
    if len(some) == 1:
        return True
    ways = [_walk(each, wide.scenario, WIDEST) for each in some]
    return all(way is not None and ways[0] is not None and _agree(way[0], ways[0]) for way in ways[1:])


def _with_zeros(scenario: Scenario) -> Scenario:
    """The same with gradients that are zero at every third element, another third from step to step."""

    def thinned(gradient: np.ndarray | None, step: int) -> np.ndarray | None:
        if gradient is None:
            return None
        return np.where((np.arange(gradient.size).reshape(gradient.shape) + step) % 3 == 0, 0.0, gradient)

    rows = tuple(tuple(thinned(g, step) for g in row) for step, row in enumerate(scenario.gradients))
    return dataclasses.replace(scenario, gradients=rows)


class _Walked:
    """One optimizer's way through a scenario in one format, beside the formula's.

    ours    its parameters after every step; None where it does not work in this format, or where it agrees with the
            formula, so that nothing is to be explained
    end     a text where its numbers end and the formula's do not
    """

    def __init__(
        self, spec: Spec, make: Factory, hyper: Mapping[str, Any], our_hyper: Mapping[str, Any], scenario: Scenario,
        dtype: str, device: str,
    ) -> None:  # fmt: skip
        self.spec, self.hyper, self.scenario, self.dtype = spec, hyper, scenario.cast_to(dtype), dtype
        self.ours: np.ndarray | None = None
        self.end = ""
        try:
            ours = trajectory(make, our_hyper, self.scenario, device, dtype)
        except Exception:  # which must not hide the disagreement that was found elsewhere
            return
        self.right = _walk(Variant(says="", spec=spec, hyper=spec.hyper(**hyper)), self.scenario, dtype)
        steps = np.flatnonzero(~np.isfinite(ours).all(axis=1))
        if steps.size and (self.right is None or np.isfinite(self.right[0][: steps[0] + 1]).all()):
            self.end = f"its parameters are not finite after step {steps[0] + 1}"
        elif self.right is not None and not _agree(ours, self.right):
            self.ours = ours

    @property
    def differs(self) -> bool:
        return self.ours is not None and self.right is not None

    def agreeing(self, every: Iterable[Variant]) -> Iterator[Variant]:
        """Those of the variants that it agrees with."""
        if self.ours is None or self.right is None:
            return
        for variant in every:
            walked = _walk(variant, self.scenario, self.dtype, beside=self.ours)
            # One that the formula agrees with as well explains nothing: such as decay elsewhere where there is none.
            if walked is not None and not _agree(self.right[0], walked):
                yield variant


def _agree(values: np.ndarray, walked: tuple[np.ndarray, np.ndarray]) -> bool:
    """Within twice the error of the variant itself: the measure by which the formula was found to disagree."""
    return bool(gaps(values, walked[0], *walked).max() <= 1)


# What a formula somebody wrote may raise with values that are not its own.
UNDEFINED = (ArithmeticError, AttributeError, IndexError, KeyError, NameError, TypeError, ValueError)


def _walk(
    variant: Variant, scenario: Scenario, dtype: str, beside: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Values and errors of a variant's parameters after every step; None where it cannot be evaluated.

    beside  a way that it must agree with in every step: None from where it does not, which most show at once
    """
    scenario = scenario.for_spec(variant.spec)
    start = [Bounded.exact(a, dtype) for a in scenario.start]
    values, errors = [], []
    try:
        run = Trajectory(variant.spec, bounded_hyper(variant.hyper), start)
        for step, (row, factor) in enumerate(zip(scenario.gradients, scenario.lr_factors, strict=True)):
            with np.errstate(all="ignore"):  # one that overflows agrees with nothing (a slip in Muon's polynomial)
                _step(run, variant.history, [None if g is None else Bounded.exact(g, dtype) for g in row], factor)
            values.append(np.concatenate([np.ravel(p.value) for p in run.params]))
            errors.append(np.concatenate([np.ravel(p.error) for p in run.params]))
            if beside is not None and not _agree(beside[step], (values[-1], errors[-1])):
                return None
    except UNDEFINED:
        return None
    return np.stack(values), np.stack(errors)


def _step(run: Trajectory, history: str, gradients: list[Bounded | None], factor: float) -> None:
    """One step of a variant whose mistake may be a matter of the history."""
    if history == NONE_IS_ZERO:
        gradients = [0.0 * p if g is None else g for p, g in zip(run.params, gradients, strict=True)]
    if history == ONE_COUNT:
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                run.counts[:] = [max(run.counts)] * len(run.counts)
                run.step([gradient if i == j else None for j in range(len(gradients))], factor)
        return
    run.step(gradients, 1.0 if history == LR_CONSTANT else factor)
    if history == COUNT_RUNS_ON:
        run.counts[:] = [max(run.counts)] * len(run.counts)
