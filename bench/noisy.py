"""How far rounding may carry a formula that chooses its way: numbers whose every result is rounded at random.

First-order bounds assume the worst of every operation, and that errors never cancel. Through the iterations of a
quasi-Newton step, where each corrects the one before, they pass every value within a few, and of a comparison they can
only say that it is open. Run several times with random rounding, a formula shows what rounding does do to it, with the
ways that it chooses: where the runs part, the result is open.

Source: Vignes 2004, Discrete stochastic arithmetic, Numerical Algorithms 37; Parker 1997, Monte Carlo arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .bound import PRECISIONS

# All runs are in float64, which cannot show a fraction of its own last place: half of all results would stay where they
# are. So its errors are made a thousand times larger, and counted so: to first order they are in proportion.
MAGNIFIED = {"float64": 1024.0}


class Rounding:
    """How the results of one run are rounded, and by how much each comparison of single numbers was decided in it.

    seed    None: as float64 does by itself. Else by up to two unit roundoffs of the format, magnified
    """

    def __init__(self, dtype: str, seed: int | None) -> None:
        precision = PRECISIONS[dtype]
        self.size = 4 * precision.roundoff * MAGNIFIED.get(dtype, 1.0)
        self.underflow, self.largest = precision.underflow, float(torch.finfo(getattr(torch, dtype)).max)
        self.generator = None if seed is None else np.random.default_rng(seed)
        self.margins: list[float] = []

    def __call__(self, value: Any) -> Any:
        if self.generator is not None:
            noise = self.generator.random(np.shape(value)) - 0.5
            value = value + noise * (self.size * value + self.underflow)
        too_large = abs(value) > self.largest
        return np.where(too_large, np.sign(value) * np.inf, value) if too_large.any() else value


class Noisy:
    """A float64 array, or a single number, and how its results are rounded. Python's own numbers are exact."""

    __slots__ = ("rounded", "value")
    __array_ufunc__ = None  # NumPy must hand `array * Noisy` over to __rmul__

    def __init__(self, value: Any, rounded: Rounding) -> None:
        self.value, self.rounded = np.asarray(value, dtype=np.float64), rounded

    @staticmethod
    def joined(parts: Sequence[Noisy]) -> Noisy:
        """All of them as one vector."""
        return Noisy(np.concatenate([np.reshape(part.value, -1) for part in parts]), parts[0].rounded)

    def _new(self, value: Any) -> Noisy:
        return Noisy(self.rounded(np.asarray(value)), self.rounded)

    def __neg__(self) -> Noisy:
        return Noisy(-self.value, self.rounded)

    def __abs__(self) -> Noisy:
        return Noisy(abs(self.value), self.rounded)

    def __add__(self, other: Any) -> Noisy:
        return self._new(self.value + _value(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Noisy:
        return self._new(self.value - _value(other))

    def __rsub__(self, other: Any) -> Noisy:
        return self._new(_value(other) - self.value)

    def __mul__(self, other: Any) -> Noisy:
        return self._new(self.value * _value(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Noisy:
        return self._new(self.value / _value(other))

    def __rtruediv__(self, other: Any) -> Noisy:
        return self._new(_value(other) / self.value)

    def __pow__(self, exponent: Any) -> Noisy:
        return self._new(self.value ** _value(exponent))

    def __getitem__(self, index: Any) -> Noisy:
        return Noisy(self.value[index], self.rounded)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def sum(self) -> Noisy:
        """Each term rounded as well: a product is, and so is what was added before it."""
        return self._new(self.rounded(self.value).sum())

    def max(self) -> Noisy:
        return Noisy(self.value.max(), self.rounded)

    def __lt__(self, other: Any) -> Any:
        return self._minus(other) < 0

    def __le__(self, other: Any) -> Any:
        return self._minus(other) <= 0

    def __gt__(self, other: Any) -> Any:
        return self._minus(other) > 0

    def __ge__(self, other: Any) -> Any:
        return self._minus(other) >= 0

    def _minus(self, other: Any) -> Any:
        """The exact difference; that of single numbers is kept."""
        margin = self.value - _value(other)
        if not np.ndim(margin):
            self.rounded.margins.append(float(margin))
        return margin


def _value(other: Any) -> Any:
    return other.value if isinstance(other, Noisy) else other
