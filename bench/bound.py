"""How large may a gap be: a formula run on (value, rounding error) pairs.

Every operation adds the error of rounding its own result to the errors it inherits, to first order. Two right
implementations each stay within that error of the exact result, whatever order they evaluate in and whether or not
they fuse a multiplication with an addition, so they may stand at most twice the error apart. The bound is computed
for each element; nothing about it is chosen.

Source: running error analysis, Wilkinson 1986; Higham 2002, Accuracy and Stability of Numerical Algorithms, sec. 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Precision:
    """One floating-point format: unit roundoff u, and the largest error of a result that underflows."""

    roundoff: float
    underflow: float


PRECISIONS = {
    "float64": Precision(2.0**-53, 2.0**-1074),
    "float32": Precision(2.0**-24, 2.0**-149),
    "float16": Precision(2.0**-11, 2.0**-24),
    "bfloat16": Precision(2.0**-8, 2.0**-133),
}


class Bounded:
    """A value and the bound of its rounding error, both float64 arrays of one shape.

    value       the result in float64, which is the exact one to first order for narrower formats
    error       absolute; 0 for an input, which both implementations receive bit for bit
    """

    __slots__ = ("error", "precision", "value")
    __array_ufunc__ = None  # NumPy must hand `array * Bounded` over to __rmul__

    def __init__(self, value: Any, error: Any, precision: Precision) -> None:
        self.value, self.error, self.precision = value, error, precision

    @classmethod
    def exact(cls, value: Any, dtype: str) -> Bounded:
        """An input of a formula; dtype names the format in which the formula's results are rounded."""
        value = np.asarray(value, dtype=np.float64)
        return cls(value, np.zeros_like(value), PRECISIONS[dtype])

    def _parts(self, other: Any) -> tuple[Any, Any]:
        """Value and error of an operand. A constant is rounded on its way in, so it starts with an error."""
        if isinstance(other, Bounded):
            return other.value, other.error
        return other, self.precision.roundoff * abs(other)

    def _rounded(self, value: Any, inherited: Any) -> Bounded:
        p = self.precision
        return Bounded(value, inherited + (p.roundoff * np.abs(value) + p.underflow), p)

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error, self.precision)

    def __add__(self, other: Any) -> Bounded:
        value, error = self._parts(other)
        return self._rounded(self.value + value, self.error + error)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Bounded:
        value, error = self._parts(other)
        return self._rounded(self.value - value, self.error + error)

    def __rsub__(self, other: Any) -> Bounded:
        return (-self) + other

    def __mul__(self, other: Any) -> Bounded:
        if isinstance(other, (bool, np.bool_)) or getattr(other, "dtype", None) == np.bool_:
            return Bounded(self.value * other, self.error * other, self.precision)  # a selection rounds nothing
        value, error = self._parts(other)
        return self._rounded(self.value * value, np.abs(self.value) * error + abs(value) * self.error)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Bounded:
        value, error = self._parts(other)
        with np.errstate(all="ignore"):
            quotient = self.value / value
            return self._rounded(quotient, (self.error + np.abs(quotient) * error) / abs(value))

    def __rtruediv__(self, other: Any) -> Bounded:
        value, error = self._parts(other)
        return Bounded(value + 0 * self.value, error + 0 * self.error, self.precision) / self

    def __pow__(self, exponent: float) -> Bounded:
        if exponent == 2:
            return self * self
        if exponent != 0.5:
            raise NotImplementedError(f"a formula may use ** 0.5 and ** 2; the bound of ** {exponent} is not known")
        with np.errstate(all="ignore"):
            root = np.sqrt(self.value)
            # The derivative is infinite at 0, where the root of the error itself is the bound.
            inherited = np.fmin(self.error / (2 * root), np.sqrt(self.error))
        return self._rounded(root, inherited)

    def __abs__(self) -> Bounded:
        return Bounded(np.abs(self.value), self.error, self.precision)

    def _compare(self, other: Any) -> Any:
        return other.value if isinstance(other, Bounded) else other

    def __lt__(self, other: Any) -> Any:
        return self.value < self._compare(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= self._compare(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > self._compare(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= self._compare(other)
