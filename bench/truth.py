"""What a formula says of a scenario, and how far a right implementation may be from it: the measure of a replay.

A formula that does the same to every element at every step is bounded to first order (`Bounds`); one that evaluates the
loss and chooses its way by what it finds is run several times with random rounding (`Samples`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..reference.oracle import Trajectory
from ..scratch_impls import Spec, State
from .bound import PRECISIONS, Bounded, bounded_hyper
from .noisy import MAGNIFIED, Noisy, Rounding
from .scenario import Scenario, mapped

# Measured over all cases of L-BFGS, twenty seeds, float32 and float64, parameters and state: ours and torch's stand at
# most 0.15 bounds apart. Without the factor 2.4, and where by chance six runs agree on an element, more.
SAMPLES = 6
FACTOR = 8.0


def truth_of(spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, dtype: str) -> Bounds | Samples:
    """`hyper` in full; the numbers of the scenario are those of the format already."""
    return (Samples if spec.closure else Bounds)(spec, hyper, scenario, dtype)


class Bounds(Trajectory):
    """Parameters and states as (value, error) pairs."""

    def __init__(self, spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, dtype: str) -> None:
        self.dtype = dtype
        start = [Bounded.exact(a, dtype) for a in scenario.start]
        synced = scenario.synced and [(count, mapped(state, self._exact)) for count, state in scenario.synced]
        super().__init__(spec, bounded_hyper(hyper), start, synced, functools.partial(_held, dtype=dtype))

    def _exact(self, value: Any) -> Any:
        return None if value is None else Bounded.exact(value, self.dtype)

    def step(self, gradients: Sequence[Any], lr_factor: Any = 1) -> None:
        super().step([self._exact(g) for g in gradients], lr_factor)

    def move(self, params: Sequence[np.ndarray]) -> None:
        """Sets the parameters, as if without error."""
        self.params = [
            Bounded.exact(p.reshape(old.shape), self.dtype) for p, old in zip(params, self.params, strict=True)
        ]

    def read(self, unit: int, name: str) -> Bounded | None:
        """A parameter ("param") or a state value; None for the state of a parameter that never stepped."""
        if name == "param":
            found: Bounded = self.params[unit]
            return found
        return self.states[unit].get(name) if self.counts[unit] else None


class Samples:
    """All parameters as one vector, and its state, in runs of which the first is exact to float64."""

    def __init__(self, spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, dtype: str) -> None:
        self.roundings = [Rounding(dtype, seed) for seed in (None, *range(SAMPLES))]
        self.open = False  # rounding has decided a comparison: two right implementations may have parted there
        self.precision, self.factor = PRECISIONS[dtype], FACTOR / MAGNIFIED.get(dtype, 1.0)
        self.runs = [self._run(spec, hyper, scenario, rounding) for rounding in self.roundings]

    def _run(self, spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, rounding: Any) -> Trajectory:
        def noisy(value: Any) -> Any:
            return value if value is None or isinstance(value, int) else Noisy(value, rounding)

        synced = scenario.synced and [(count, mapped(state, noisy)) for count, state in scenario.synced]
        return Trajectory(spec, hyper, [noisy(a) for a in scenario.start], synced)

    @property
    def params(self) -> list[Any]:
        return self.runs[0].params

    @property
    def states(self) -> list[State]:
        return self.runs[0].states

    def step(self, gradients: Sequence[Any], lr_factor: Any = 1) -> None:
        for run, rounding in zip(self.runs, self.roundings, strict=True):
            rounding.margins.clear()
            with np.errstate(all="ignore"):  # where a run overflows, the result is open, and says so
                run.step([None if g is None else Noisy(g, rounding) for g in gradients], lr_factor)
        self.open = self.open or _undecided([rounding.margins for rounding in self.roundings], self.factor)

    def move(self, params: Sequence[np.ndarray]) -> None:
        """Sets the parameters, as if without error."""
        for run, rounding in zip(self.runs, self.roundings, strict=True):
            run.params = [Noisy(p, rounding) for p in params]

    def read(self, unit: int, name: str) -> Bounded | None:
        """The exact run's, with the error that the others show; None for a state that the exact run does not have."""
        found = [run.params[unit] if name == "param" else run.states[unit].get(name) for run in self.runs]
        if found[0] is None or not self.runs[0].counts[unit]:
            return None
        exact, *others = (np.asarray(np.nan if v is None else getattr(v, "value", v), dtype=np.float64) for v in found)
        error = np.zeros_like(exact)
        for other in others:
            with np.errstate(invalid="ignore"):
                away = abs(other - exact) if other.shape == exact.shape else np.inf
            error = np.maximum(error, np.where((other == exact) | (np.isnan(other) & np.isnan(exact)), 0.0, away))
        error = self.factor * error
        if not isinstance(found[0], int):  # a count is exact
            error = error + self.precision.roundoff * abs(exact) + self.precision.underflow
        return Bounded(exact, np.where(np.isnan(error) | self.open, np.inf, error), self.precision)


def _undecided(margins: Sequence[Sequence[float]], factor: float) -> bool:
    """Whether a run may compare otherwise than the first; each has made the same comparisons, or else they did part."""
    if len({len(run) for run in margins}) > 1:
        return True
    with np.errstate(invalid="ignore"):
        exact, others = np.array(margins[0]), np.array(margins[1:])
        away = abs(others - exact).max(axis=0, initial=0)
    return bool(((abs(exact) <= factor * away) & (away > 0)).any())


def _held(value: Any, dtype: str) -> Any:
    """A state value that is a number, not a tensor, may be kept in the parameter's format: it is rounded once."""
    if value is None or (isinstance(value, Bounded) and not value.constant):
        return value
    number = value if isinstance(value, Bounded) else Bounded(float(value), 0.0, PRECISIONS[dtype], constant=True)
    return 1 * Bounded(np.asarray(number.value), np.asarray(number.error), PRECISIONS[dtype])
