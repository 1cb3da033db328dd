"""How far rounding may carry a formula that branches by what it computes: every result is rounded at random.

First-order bounds assume the worst of every operation, and that errors never cancel. Through the iterations of a
quasi-Newton step, where each corrects the one before, they exceed every value within a few, and of a comparison they
can only say that it is undecided. Run several times with random rounding, a formula shows what rounding does do to it,
branches included. All runs follow the exact one; where one of them might branch otherwise, the result is undecided. So
they can go side by side, in the rows of one array.

Source: Vignes 2004, Discrete stochastic arithmetic, Numerical Algorithms 37; Parker 1997, Monte Carlo arithmetic.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .bounded import PRECISIONS

# All runs are in float64, which cannot show a fraction of its own last place: half of all results would stay where they
# are. So its errors are made sixteen times larger, and counted so: to first order they are in proportion. No larger:
# twenty iterations magnify them until they no longer are. Measured where that is worst, over seeds of the noise: a
# right step stands up to 0.06 bounds away with 16, 0.08 with 64, 0.8 with 256 and 4 with 1024.
MAGNIFIED = {"float64": 16.0}


class Rounding:
    """How the results of several runs are rounded, and whether that has decided a comparison.

    runs        so many are rounded at random, by up to two unit roundoffs of the format, magnified; before them goes
                one that is exact to float64
    factor      two right implementations may differ by so many times the spread of the runs
    undecided   rounding may have decided a comparison, so that two right implementations go different ways from here:
                of what follows nothing is sure, and the exact run alone goes on
    """

    def __init__(self, dtype: str, runs: int, factor: float, seed: int = 0) -> None:
        self.dtype = dtype
        precision, magnified = PRECISIONS[dtype], MAGNIFIED.get(dtype, 1.0)
        self.runs, self.factor, self.undecided = runs, factor / magnified, False
        self.size, self.underflow = 4 * precision.roundoff * magnified, precision.underflow
        # The runs are in float64, where what is too large becomes infinite by itself.
        self.largest = None if dtype == "float64" else float(torch.finfo(getattr(torch, dtype)).max)
        self.generator = np.random.default_rng(seed)

    def __call__(self, value: np.ndarray) -> np.ndarray:
        rounded = value[:1] if self.undecided else self._at_random(value)
        if self.largest is not None and (too_large := abs(rounded) > self.largest).any():
            rounded = np.where(too_large, np.sign(rounded) * np.inf, rounded)
        return rounded

    def _at_random(self, value: np.ndarray) -> np.ndarray:
        """Most of the time is spent here: as few passes over the rows as can be."""
        # Row 0 stays exact: it is what the others are compared with, and the value of the bound.
        rounded = np.empty((1 + self.runs, *value.shape[1:]))
        rounded[:] = value
        noise = self.generator.random((self.runs, *value.shape[1:]))
        noise -= 0.5
        error = self.size * rounded[1:]
        error += self.underflow
        error *= noise
        rounded[1:] += error
        return rounded

    def exactly(self, value: np.ndarray) -> np.ndarray:
        """What a result would be without rounding, beside `__call__`."""
        return value[:1] if self.undecided else value

    def compare(self, margin: np.ndarray) -> np.ndarray:
        """The margin of a comparison in the exact run, which all follow; undecided where another might not have."""
        if len(margin) > 1:
            width = spread(margin)
            self.undecided = self.undecided or not ((abs(margin[0]) > self.factor * width) | (width == 0)).all()
        return margin[0]


def spread(rows: np.ndarray) -> np.ndarray:
    """How far the others stand from the first row, at most; NaN where it, or one of them, alone is no number."""
    exact, others = rows[0], rows[1:]
    with np.errstate(invalid="ignore"):
        same = (others == exact) | (np.isnan(others) & np.isnan(exact))
        distance: np.ndarray = np.where(same, 0.0, abs(others - exact)).max(axis=0, initial=0.0)
    return distance


class RandomlyRounded:
    """An array of float64, or a single number, in all runs side by side. Python's own numbers are exact.

    value   its first axis are the runs, or one for all as long as they are equal
    """

    __slots__ = ("rounding", "value")
    __array_ufunc__ = None  # NumPy must hand `array * RandomlyRounded` over to __rmul__

    def __init__(self, value: np.ndarray, rounding: Rounding) -> None:
        self.value, self.rounding = value, rounding

    @classmethod
    def exact(cls, value: Any, rounding: Rounding) -> RandomlyRounded:
        """An array of any shape, or a number, that all runs begin with."""
        return cls(np.asarray(value, dtype=np.float64)[None], rounding)

    @staticmethod
    def joined(parts: Sequence[RandomlyRounded]) -> RandomlyRounded:
        """All of them as one vector."""
        # Parts that no operation has rounded yet have one row, which stands for all runs.
        runs = max(len(part.value) for part in parts)
        rows = [part.value.reshape(len(part.value), -1) for part in parts]
        rows = [np.broadcast_to(row, (runs, row.shape[1])) for row in rows]
        return RandomlyRounded(np.concatenate(rows, axis=1), parts[0].rounding)

    @property
    def number_system(self) -> Any:
        """What a formula's words are on randomly rounded numbers."""
        from .words import RandomRounding  # which is made of this class

        return RandomRounding

    def _new(self, value: np.ndarray) -> RandomlyRounded:
        return RandomlyRounded(self.rounding(value), self.rounding)

    def _by(self, function: Any, other: Any) -> RandomlyRounded:
        """function of both, run by run."""
        return self._new(function(*self.aligned(other)))

    def aligned(self, other: Any) -> tuple[Any, Any]:
        """The values of both, so that their axes stand below one another and the runs stay the first."""
        if not isinstance(other, RandomlyRounded):
            b = np.asarray(other, dtype=np.float64) if isinstance(other, np.ndarray) else other
            return (self.value, b) if np.ndim(b) < self.value.ndim else (_padded(self.value, np.ndim(b) + 1), b)
        axes = max(self.value.ndim, other.value.ndim)
        return _padded(self.value, axes), _padded(other.value, axes)

    def __neg__(self) -> RandomlyRounded:
        return RandomlyRounded(-self.value, self.rounding)

    def __abs__(self) -> RandomlyRounded:
        return RandomlyRounded(abs(self.value), self.rounding)

    def __add__(self, other: Any) -> RandomlyRounded:
        return self._by(operator.add, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> RandomlyRounded:
        return self._by(operator.sub, other)

    def __rsub__(self, other: Any) -> RandomlyRounded:
        return self._by(lambda a, b: b - a, other)

    def __mul__(self, other: Any) -> RandomlyRounded:
        return self._by(operator.mul, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> RandomlyRounded:
        return self._by(operator.truediv, other)

    def __rtruediv__(self, other: Any) -> RandomlyRounded:
        return self._by(lambda a, b: b / a, other)

    def __pow__(self, exponent: Any) -> RandomlyRounded:
        return self._by(operator.pow, exponent)

    def __matmul__(self, other: RandomlyRounded) -> RandomlyRounded:
        """Each term of the sums rounded as well, as in `sum`: by their size, since they may cancel."""
        product, rounding = self.value @ other.value, self.rounding
        terms = abs(self.value) @ abs(other.value)
        return self._new(product + (rounding(terms) - rounding.exactly(terms)))

    def __getitem__(self, index: Any) -> RandomlyRounded:
        index = index if isinstance(index, tuple) else (index,)
        return RandomlyRounded(self.value[(slice(None), *index)], self.rounding)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape[1:]

    @property
    def ndim(self) -> int:
        return self.value.ndim - 1

    @property
    def dtype(self) -> str:
        """The name of the format in which results are rounded."""
        return self.rounding.dtype

    @property
    def T(self) -> RandomlyRounded:
        return RandomlyRounded(self.value.swapaxes(-1, -2), self.rounding)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> RandomlyRounded:
        """Each term rounded as well: a product is, and so is what was added before it."""
        return self._new(self.rounding(self.value).sum(axis=self._axes(axis), keepdims=keepdims))

    def max(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> RandomlyRounded:
        return RandomlyRounded(self.value.max(axis=self._axes(axis), keepdims=keepdims), self.rounding)

    def _axes(self, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
        """The axes of `value`, whose first are the runs."""
        axes = tuple(range(self.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return tuple(one % self.ndim + 1 for one in axes)

    def __lt__(self, other: Any) -> Any:
        return self._minus(other) < 0

    def __le__(self, other: Any) -> Any:
        return self._minus(other) <= 0

    def __gt__(self, other: Any) -> Any:
        return self._minus(other) > 0

    def __ge__(self, other: Any) -> Any:
        return self._minus(other) >= 0

    def _minus(self, other: Any) -> Any:
        """The exact run's difference: a single number, or an array of them."""
        a, b = self.aligned(other)
        margin = self.rounding.compare(a - b)
        return margin if margin.size > 1 else float(margin.reshape(()))


def _padded(value: np.ndarray, axes: int) -> np.ndarray:
    """With as many axes: those that are missing come behind the runs."""
    missing = axes - value.ndim
    return value.reshape(len(value), *(1,) * missing, *value.shape[1:]) if missing > 0 else value
