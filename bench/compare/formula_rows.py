"""What the formula has after every step of a history, value and error, laid out as the rows of a replay."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...scratch_impls import Spec
from .bounds import FirstOrderBounds, SampledBounds, bounds_of
from .driver import as_row
from .scenario import HyperKey, Scenario

BoundsRow = tuple[list[bool], np.ndarray, np.ndarray]  # which values are there; their values; their errors


@dataclass(frozen=True)
class Layout:
    """Which values stand in one row of a replay, side by side.

    names   for each unit, a parameter or all of them as one vector, "param" and the names of its state
    sizes   the elements of each, in the same order, one after the other
    """

    names: list[list[str]]
    sizes: list[int]

    @classmethod
    def of(cls, bounds: FirstOrderBounds | SampledBounds) -> Layout:
        # A list (the pairs of L-BFGS) grows from step to step: what stands in it shows in what is computed from it.
        # What parameters share stands in a dict under the first of them, and shows in their steps as well.
        names = [
            ["param", *(n for n, v in state.items() if not isinstance(v, (list, dict)))] for state in bounds.states
        ]
        units = zip(bounds.params, bounds.states, names, strict=True)
        return cls(names, [_size(state.get(name), param) for param, state, wanted in units for name in wanted])

    def places(self) -> list[tuple[int, str]]:
        """(unit, name) of each value, in the order of `sizes`."""
        return [(unit, name) for unit, wanted in enumerate(self.names) for name in wanted]

    def there(self, found: Sequence[bool]) -> np.ndarray:
        """For each element of a row whether its value is there."""
        return np.repeat(np.asarray(found, dtype=bool), self.sizes)

    def bounds_row(self, bounds: FirstOrderBounds | SampledBounds) -> BoundsRow:
        """What the formula has after a step: which values are there, and the value and error of each element."""
        pairs = [bounds.read(unit, name) for unit, name in self.places()]
        # State before a parameter's first step is not compared: torch's Adagrad makes it in the constructor.
        return (
            [pair is not None for pair in pairs],
            self.row([None if pair is None else pair.value for pair in pairs]),
            _sayable(self.row([None if pair is None else pair.error for pair in pairs])),
        )

    def row(self, values: list[Any]) -> np.ndarray:
        """One float64 row; NaN where a side has no such tensor, or one of another size."""
        parts = []
        for value, size in zip(values, self.sizes, strict=True):
            if isinstance(value, torch.Tensor):
                value = as_row(value)
            array = np.full(size, np.nan) if value is None else np.asarray(value, dtype=np.float64).reshape(-1)
            parts.append(array if array.size == size else np.full(size, np.nan))
        return np.concatenate(parts)

    def slots(self, labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """(name, first element) of each value, such as ("p0.exp_avg", 20)."""
        names = [f"{label}.{name}" for label, wanted in zip(labels, self.names, strict=False) for name in wanted]
        # All parameters as one vector have one unit, and it goes by the first label.
        starts = np.cumsum([0, *self.sizes[:-1]])
        return tuple((name, int(start)) for name, start in zip(names, starts, strict=True))


# Every path of a class, every seeded mistake and many checks meet the formula on the same history: half of a replay's
# time was spent on computing it again. A row is some hundred numbers; large tensors are judged by a few steps.
@functools.lru_cache(maxsize=64)
def formula_rows(spec: Spec, hyper: HyperKey, scenario: Scenario, dtype: str) -> tuple[Layout, list[BoundsRow]]:
    """The formula's rows for every step of a history that nothing interferes with."""
    bounds = bounds_of(spec, hyper.values, scenario, dtype)
    layout, rows = Layout.of(bounds), []
    for gradients, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        bounds.step(gradients, factor)
        rows.append(layout.bounds_row(bounds))
    return layout, rows


def _sayable(errors: np.ndarray) -> np.ndarray:
    """A bound that is no number (inf - inf, 0 times inf) is none: the formula can say nothing of that element."""
    return np.where(np.isnan(errors), np.inf, errors)


def _size(value: Any, param: Any) -> int:
    """The elements of a state value; None, and the parameter itself, are as large as the parameter."""
    value = param if value is None else value
    return math.prod(np.shape(value))  # of a randomly rounded one without its runs
