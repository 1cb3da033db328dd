"""How large may a gap be: a formula run on (value, rounding error) pairs.

Every operation adds the error of rounding its own result to the errors it inherits, to first order, and in a product
to second: the square of a gradient that nearly cancels is nothing but the square of its error. Two right
implementations each stay within that error of the exact result, whatever order they evaluate in and whether or not
they fuse a multiplication with an addition, so they may stand at most twice the error apart. The bound is computed
for each element; nothing about it is chosen.

Source: running error analysis, Wilkinson 1986; Higham 2002, Accuracy and Stability of Numerical Algorithms, sec. 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Precision:
    """One floating-point format: unit roundoff u, and the largest error of a result that underflows."""

    roundoff: float
    underflow: float


PRECISIONS = {
    # Half a unit in the last place of 1, and the smallest subnormal; bfloat16 has float32's exponents and 8 bits.
    "float64": Precision(2.0**-53, 2.0**-1074),
    "float32": Precision(2.0**-24, 2.0**-149),
    "float16": Precision(2.0**-11, 2.0**-24),
    "bfloat16": Precision(2.0**-8, 2.0**-133),
}


class Bounded:
    """A value and the bound of its rounding error, two float64 arrays of one shape; or a constant, two floats.

    value       the result in float64, which is the exact one to first order for narrower formats
    error       absolute; 0 for an input, which both implementations receive bit for bit
    constant    a hyperparameter, or what is computed from hyperparameters alone. Python does that in float64 whatever
                the format of the tensors, and what meets a tensor is rounded to the tensor's format on its way in.
    """

    __slots__ = ("constant", "error", "precision", "value")
    __array_ufunc__ = None  # NumPy must hand `array * Bounded` over to __rmul__

    def __init__(self, value: Any, error: Any, precision: Precision, constant: bool = False) -> None:
        self.value, self.error, self.precision, self.constant = value, error, precision, constant

    @classmethod
    def exact(cls, value: Any, dtype: str) -> Bounded:
        """An input of a formula; dtype names the format in which the formula's results are rounded."""
        value = np.asarray(value, dtype=np.float64)
        return cls(value, np.zeros_like(value), PRECISIONS[dtype])

    def _with(self, other: Any) -> tuple[Any, Any, Any, Any, Precision, bool]:
        """Values and errors of both operands, and the format of the result."""
        if not isinstance(other, Bounded):
            other = Bounded(other, 0.0, PRECISIONS["float64"], constant=True)
        a, b = self, other
        precision = b.precision if a.constant else a.precision
        error_a, error_b = a.error, b.error
        # 1 - beta2**step is Python's, in float64; as it meets a float32 tensor it is rounded once more.
        if a.constant != b.constant:
            if a.constant:
                error_a = error_a + precision.roundoff * abs(a.value)
            else:
                error_b = error_b + precision.roundoff * abs(b.value)
        return a.value, error_a, b.value, error_b, precision, a.constant and b.constant

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error, self.precision, self.constant)

    def __abs__(self) -> Bounded:
        return Bounded(abs(self.value), self.error, self.precision, self.constant)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __add__(self, other: Any) -> Bounded:
        a, error_a, b, error_b, precision, constant = self._with(other)
        return _rounded(a + b, error_a + error_b, precision, constant)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Bounded:
        return self + (-other)

    def __rsub__(self, other: Any) -> Bounded:
        return (-self) + other

    def __mul__(self, other: Any) -> Bounded:
        if isinstance(other, (bool, np.bool_)) or (isinstance(other, np.ndarray) and other.dtype == np.bool_):
            return Bounded(self.value * other, self.error * other, self.precision)  # a selection rounds nothing
        a, error_a, b, error_b, precision, constant = self._with(other)
        with np.errstate(all="ignore"):
            inherited = abs(a) * error_b + abs(b) * error_a + error_a * error_b
            return _rounded(a * b, inherited, precision, constant)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Bounded:
        return _quotient(*self._with(other))

    def __rtruediv__(self, other: Any) -> Bounded:
        b, error_b, a, error_a, precision, constant = self._with(other)
        return _quotient(a, error_a, b, error_b, precision, constant)

    def __pow__(self, exponent: Any) -> Bounded:
        if isinstance(exponent, Bounded):
            return _power(*self._with(exponent))
        value = self.value
        with np.errstate(all="ignore"):
            power = np.sqrt(value) if exponent == 0.5 else value**exponent
            inherited = _error_of_power(value, self.error, exponent)
            return _rounded(power, inherited, self.precision, self.constant)

    def __rpow__(self, base: float) -> Bounded:
        exponent, error, a, error_a, precision, constant = self._with(base)
        return _power(a, error_a, exponent, error, precision, constant)

    def where(self, condition: Any, other: Any) -> Bounded:
        """self where the condition holds, else other; two that are within their errors may have been exchanged."""
        value, error, b, error_b, precision, constant = self._with(other)
        # torch and a formula may take different branches here, and both be right (Adamax's max, amsgrad's, Rprop's
        # sign).
        with np.errstate(invalid="ignore"):  # inf - inf: as far apart as can be, and no warning of ours to the user
            near = abs(value - b) <= error + error_b
        taken = np.where(near, np.maximum(error, error_b), np.where(condition, error, error_b))
        return Bounded(np.where(condition, value, b), taken, precision, constant)

    def sign(self) -> Bounded:
        """-1, 0 or 1; nothing is sure of a value within its own error."""
        # From -1 to 1 it is 2: the largest that two right signs can differ.
        unsure = np.where(abs(self.value) < self.error, 2.0, 0.0)
        return Bounded(np.sign(self.value), unsure, self.precision, self.constant)

    def __getitem__(self, index: Any) -> Bounded:
        return Bounded(self.value[index], self.error[index], self.precision, self.constant)

    def __int__(self) -> int:
        return int(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def dtype(self) -> str:
        """The name of the format in which results are rounded."""
        return next(name for name, precision in PRECISIONS.items() if precision == self.precision)

    @property
    def T(self) -> Bounded:
        return Bounded(self.value.T, self.error.T, self.precision, self.constant)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Bounded:
        """In whatever order: each of the n - 1 additions may round all that was added so far."""
        how: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
        # torch sums in blocks of vector width, NumPy pairwise, Python in order: no order may be assumed.
        total = self.value.sum(**how)
        added = max(self.value.size if axis is None else self.value.shape[axis], 1) - 1
        rounded = added * (self.precision.roundoff * abs(self.value).sum(**how) + self.precision.underflow)
        return Bounded(total, self.error.sum(**how) + rounded, self.precision, self.constant)

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Bounded:
        return self.sum(axis, keepdims) / (self.value.size if axis is None else self.value.shape[axis])

    def __matmul__(self, other: Bounded) -> Bounded:
        """Sums of products: n roundings of a sum of n terms, that of the product among them, in whatever order."""
        a, error_a, b, error_b, precision, constant = self._with(other)
        rounded = a.shape[-1] * (precision.roundoff * (abs(a) @ abs(b)) + precision.underflow)
        return Bounded(a @ b, abs(a) @ error_b + error_a @ abs(b) + rounded, precision, constant)

    def max(self) -> Bounded:
        return Bounded(self.value.max(), self.error.max(), self.precision, self.constant)

    @staticmethod
    def joined(parts: Sequence[Bounded]) -> Bounded:
        """All of them as one vector."""
        value, error = (np.concatenate([np.reshape(getattr(p, n), -1) for p in parts]) for n in ("value", "error"))
        return Bounded(value, error, parts[0].precision)

    def __lt__(self, other: Any) -> Any:
        return self.value < _value(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _value(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _value(other)


def _rounded(value: Any, inherited: Any, precision: Precision, constant: bool) -> Bounded:
    # A relative error alone says nothing of a result below the normal range, as g * g of tiny gradients is.
    error = inherited + (precision.roundoff * abs(value) + precision.underflow)
    return Bounded(value, error, precision, constant)


def _power(a: Any, error_a: Any, b: Any, error_b: Any, precision: Precision, constant: bool) -> Bounded:
    """a ** b for a >= 0, where both have errors."""
    with np.errstate(all="ignore"):
        power = a**b
        # Where the power is 0 the derivative is 0 times the logarithm of 0, and no exponent near this one moves it.
        from_exponent = np.where(np.equal(power, 0), 0.0, abs(power) * abs(np.log(a)) * error_b)
        return _rounded(power, _error_of_power(a, error_a, b) + from_exponent, precision, constant)


def _error_of_power(value: Any, error: Any, exponent: Any) -> Any:
    """What a ** exponent inherits from the error of a."""
    first_order = abs(exponent * abs(value) ** (exponent - 1)) * error + (exponent == 2) * error**2
    if np.all((exponent > 0) & (exponent < 1)):
        # The derivative is infinite at 0, where the root of the error itself is the bound: |x^q - y^q| <= |x - y|^q.
        # fmin, since without any error the derivative at 0 gives inf * 0.
        return np.fmin(first_order, error**exponent)
    return first_order


def _quotient(a: Any, error_a: Any, b: Any, error_b: Any, precision: Precision, constant: bool) -> Bounded:
    with np.errstate(all="ignore"):
        quotient = a / b
        return _rounded(quotient, (error_a + abs(quotient) * error_b) / abs(b), precision, constant)


def _value(other: Any) -> Any:
    return other.value if isinstance(other, Bounded) else other


def bounded_hyper(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters as constants, so that the rounding of `1 - beta2**step` counts; flags stay as they are."""

    def convert(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(convert(v) for v in value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        return Bounded(float(value), 0.0, PRECISIONS["float64"], constant=True)

    return {name: convert(value) for name, value in hyper.items()}
