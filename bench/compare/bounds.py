"""What a formula says of a scenario, and how far a right implementation may be from it: the measure of a replay.

A formula that does the same to every element at every step is bounded to first order (`FirstOrderBounds`); one that
evaluates the loss and branches by what it finds is run several times with random rounding (`SampledBounds`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...reference.oracle import Trajectory
from ...scratch_impls import Spec, State, map_state
from .bounded import PRECISIONS, Bounded
from .random_rounding import RandomlyRounded, Rounding, spread
from .scenario import Scenario

# Measured over all cases of L-BFGS, twenty seeds, float32 and float64, parameters and state, in bowls and on rugged
# ground: ours and torch's stand at most 0.22 bounds apart. Without the factor 1.8, and where by chance six runs agree
# on an element, more.
SAMPLES = 6
FACTOR = 8.0


def bounds_of(spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, dtype: str) -> FirstOrderBounds | SampledBounds:
    """The bounds of a formula on a scenario that is `cast_to(dtype)` already; `hyper` is every hyperparameter."""
    return (SampledBounds if spec.sampled else FirstOrderBounds)(spec, hyper, scenario, dtype)


class FirstOrderBounds(Trajectory):
    """Parameters and states as (value, error) pairs."""

    def __init__(self, spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, dtype: str) -> None:
        self.dtype = dtype
        start = [Bounded.exact(a, dtype) for a in scenario.start]
        synced = scenario.synced and [(count, map_state(state, self._exact)) for count, state in scenario.synced]
        super().__init__(spec, bounded_hyper(hyper), start, synced, functools.partial(_round_number, dtype=dtype))

    def _exact(self, value: Any) -> Any:
        return value if value is None or isinstance(value, int) else Bounded.exact(value, self.dtype)

    def step(self, gradients: Sequence[Any], lr_factor: Any = 1) -> None:
        with np.errstate(all="ignore"):  # what is not finite shows in the gap
            super().step([self._exact(g) for g in gradients], lr_factor)

    def set_params(self, params: Sequence[np.ndarray]) -> None:
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


class SampledBounds:
    """All parameters as one vector, and its state, in runs of which the first is exact to float64."""

    def __init__(self, spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, dtype: str) -> None:
        # One seed: the bound of a case is the same in every run, and a failure can be repeated.
        self.precision, self.rounding = PRECISIONS[dtype], Rounding(dtype, SAMPLES, FACTOR)
        synced = scenario.synced and [(count, map_state(state, self._exact)) for count, state in scenario.synced]
        self.run = Trajectory(spec, hyper, [self._exact(a) for a in scenario.start], synced, rugged=scenario.rugged)

    def _exact(self, value: Any) -> Any:
        return value if value is None or isinstance(value, int) else RandomlyRounded.exact(value, self.rounding)

    @property
    def params(self) -> list[Any]:
        return self.run.params

    @property
    def states(self) -> list[State]:
        return self.run.states

    def step(self, gradients: Sequence[Any], lr_factor: Any = 1) -> None:
        with np.errstate(all="ignore"):  # where a run overflows, the error is infinite
            self.run.step([self._exact(g) for g in gradients], lr_factor)

    def set_params(self, params: Sequence[np.ndarray]) -> None:
        """Sets the parameters, as if without error."""
        self.run.params = [self._exact(p.reshape(old.shape)) for p, old in zip(params, self.run.params, strict=True)]

    def read(self, unit: int, name: str) -> Bounded | None:
        """The exact run's, with the error that the others show; None for a state that it does not have."""
        found = self.params[unit] if name == "param" else self.states[unit].get(name)
        if found is None or not self.run.counts[unit]:
            return None
        rows = found.value if isinstance(found, RandomlyRounded) else np.full(1, float(found))
        rows = rows.reshape(len(rows), -1)
        error = self.rounding.factor * spread(rows)
        if not isinstance(found, int):  # a count is exact
            error = error + self.precision.roundoff * abs(rows[0]) + self.precision.underflow
        return Bounded(rows[0], np.where(np.isnan(error) | self.rounding.undecided, np.inf, error), self.precision)


def _round_number(value: Any, dtype: str) -> Any:
    """A state value that is a number, not a tensor, may be kept in the parameter's format: it is rounded once."""
    if value is None or (isinstance(value, Bounded) and not value.constant):
        return value
    # torch keeps NAdam's mu_product in a float32 tensor, where ours is a Python number.
    number = value if isinstance(value, Bounded) else Bounded(float(value), 0.0, PRECISIONS[dtype], constant=True)
    return 1 * Bounded(np.asarray(number.value), np.asarray(number.error), PRECISIONS[dtype])


def bounded_hyper(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters as constants, so that the rounding of `1 - beta2**step` counts; flags stay as they are."""

    def convert(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(convert(v) for v in value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        return Bounded(float(value), 0.0, PRECISIONS["float64"], constant=True)

    return {name: convert(value) for name, value in hyper.items()}
