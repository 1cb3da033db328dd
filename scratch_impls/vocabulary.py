"""The words of a formula: what no operator of Python spells, the same in every number system.

Names and arguments are NumPy's and the array API's. On a single number each does what it does to one number: its sum is
itself, its transpose too. What a number system does for a word stands in _number_systems.py; docs/vocabulary.md has all
words in one table.
"""

import math
from typing import Any, NamedTuple

from ._number_systems import system_of

__all__ = [
    "astype", "clip", "cos", "eigh", "exp", "eye", "finfo", "full_like", "inv_root", "log", "matmul", "max", "maximum",
    "mean", "min", "minimum", "ndim", "newton_schulz", "norm", "ones_like", "outer", "pi", "promote", "qr", "reshape",
    "shape", "sign", "size", "sqrt", "sum", "svd", "transpose", "vdot", "where", "zeros_like",
]  # fmt: skip

pi = math.pi


# Elements.


def sign(x):
    """-1, 0 or 1, in the format of x."""
    return system_of(x).sign(x)


def exp(x):
    """e to the power of x."""
    return system_of(x).exp(x)


def log(x):
    """The natural logarithm; -inf of 0, NaN of what is below."""
    return system_of(x).log(x)


def cos(x):
    """The cosine."""
    return system_of(x).cos(x)


def sqrt(x):
    """The square root; `x ** 0.5` is the same."""
    return x**0.5


def where(condition, a, b):
    """a where the condition holds, else b; what is not taken leaves no trace, not even a NaN."""
    if isinstance(condition, bool):
        return a if condition else b
    return system_of(a, b, condition).where(condition, a, b)


def maximum(a, b):
    """The larger of two, elementwise. NaN on either side gives NaN."""
    # b != b: a NaN compares false with everything, and would lose to whatever stands on the other side.
    return where((a < b) | (b != b), b, a)


def minimum(a, b):
    """The smaller of two, elementwise. NaN on either side gives NaN."""
    return where((a > b) | (b != b), b, a)


def clip(x, low, high):
    """x, but at least low and at most high."""
    return minimum(maximum(x, low), high)


# Sums and extremes, over all elements or along axes.


def sum(x, axis=None, *, keepdims=False):
    """The sum of all elements, or along an axis or several; with keepdims they stay, with length 1."""
    return system_of(x).sum(x, **_along(x, axis, keepdims, "sum"))


def mean(x, axis=None, *, keepdims=False):
    """The mean, over axes as sum."""
    return system_of(x).mean(x, **_along(x, axis, keepdims, "mean"))


def max(x, axis=None, *, keepdims=False):
    """The largest element, over axes as sum. The larger of two is maximum(a, b)."""
    return system_of(x).max(x, **_along(x, axis, keepdims, "max"))


def min(x, axis=None, *, keepdims=False):
    """The smallest element, over axes as sum. The smaller of two is minimum(a, b)."""
    along = _along(x, axis, keepdims, "min")
    x = -x
    return -system_of(x).max(x, **along)


def norm(x, axis=None, *, keepdims=False):
    """The root of the sum of squares, over axes as sum; of a tuple of arrays, over all of them."""
    if isinstance(x, (tuple, list)):
        return vdot(x, x) ** 0.5
    return sum(x * x, axis, keepdims=keepdims) ** 0.5


def vdot(a, b):
    """The sum of the products of all elements; of two tuples of arrays, over all of them."""
    if not isinstance(a, (tuple, list)):
        return sum(a * b)
    total = 0
    for one, other in zip(a, b, strict=True):
        total = total + sum(one * other)
    return total


# Shapes.


def ndim(x):
    """The number of axes; a single number has none."""
    return getattr(x, "ndim", 0)


def shape(x):
    """The lengths of the axes, a tuple."""
    return tuple(getattr(x, "shape", ()))


def size(x):
    """The number of elements."""
    return math.prod(shape(x))


def reshape(x, shape):
    """The same elements in another shape, the last axis running fastest; -1 stands for what is left over."""
    return system_of(x).reshape(x, tuple(shape))


def transpose(x, axes=None):
    """The axes in another order, the reverse one unless it is given. Of a matrix, `x.T` is the same."""
    order = tuple(range(ndim(x)))[::-1] if axes is None else tuple(axes)
    return system_of(x).transpose(x, order)


# Products.


def matmul(a, b):
    """The product of matrices, or of stacks of them; `a @ b` is the same where neither is a single number."""
    return a @ b if ndim(a) and ndim(b) else a * b


def outer(a, b):
    """The matrix of all products of an element of a with one of b, both taken as vectors."""
    return reshape(a, (-1, 1)) * reshape(b, (1, -1))


# Arrays like another. `0 * x` would have a NaN where x has one.


def full_like(x, value):
    """An array of the shape and format of x with one value everywhere."""
    return system_of(x).full_like(x, value)


def zeros_like(x):
    """0 everywhere, also where x is NaN."""
    return full_like(x, 0)


def ones_like(x):
    """1 everywhere, also where x is NaN."""
    return full_like(x, 1)


def eye(n, *, like):
    """The matrix of n rows with 1 on the diagonal and 0 elsewhere, in the format of like."""
    return system_of(like).eye(n, like)


# Formats.


EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


class Format(NamedTuple):
    """What a floating-point format is like.

    eps     the distance from 1 to the next number
    """

    eps: float


def finfo(x):
    """The format of x: `finfo(x).eps` is the distance from 1 to the next number; float64's unless x names another."""
    return Format(EPS.get(format_of(x), EPS["float64"]))


def astype(x, like):
    """x in the format of another array, or in that of a name such as "float32"."""
    return system_of(x).astype(x, like if isinstance(like, str) else format_of(like))


def promote(x, name):
    """x in the format of a name such as "float32" where its own is narrower: to compute in it what x is kept in."""
    return astype(x, name) if finfo(x).eps > EPS.get(name, EPS["float64"]) else x


def format_of(x):
    """The name of the format of x, such as "float32"; float64 where x names none."""
    return str(getattr(x, "dtype", "float64")).removeprefix("torch.")


# Functions of a matrix. eigh, qr and svd fix no signs and, of equal values, no directions: what is made of them must
# not depend on either. Their bound comes from random rounding.


def eigh(x):
    """Eigenvalues, rising, and eigenvectors as columns, of a symmetric matrix."""
    return system_of(x).eigh(x)


def qr(x):
    """Q with orthonormal columns and R, upper triangular, so that x = Q R."""
    return system_of(x).qr(x)


def svd(x):
    """U, the singular values, falling, and V', so that x = U diag(s) V'; U and V' as narrow as x."""
    return system_of(x).svd(x)


def inv_root(x, p):
    """x to the power of -1/p, for a symmetric matrix whose eigenvalues are above 0."""
    w, v = eigh(x)
    # Rounding may turn the smallest below 0: its size is taken, as of a singular value.
    return matmul(v * abs(w) ** (-1 / p), transpose(v))


def newton_schulz(x, coefficients, steps):
    """x <- a x + (b x x' + c (x x')^2) x, so many times: a matrix of norm 1 becomes nearly orthogonal."""
    if shape(x)[0] > shape(x)[1]:
        # The smaller of x x' and x' x: the same result for less work.
        return newton_schulz(x.T, coefficients, steps).T
    a, b, c = coefficients
    for _ in range(int(steps)):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return x


def _along(x, axis, keepdims, word) -> dict[str, Any]:
    """The axes as a tuple of numbers from 0 on, or None for all of them."""
    if axis is None:
        return {"axis": tuple(range(ndim(x))) if keepdims and ndim(x) else None, "keepdims": keepdims}
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not all(isinstance(one, int) for one in axes):
        both = {"max": "maximum(a, b)", "min": "minimum(a, b)"}.get(word)
        told = f"; of two it is {both}" if both else ""
        raise TypeError(f"{word}(x, axis): an axis is a whole number, or a tuple of them{told}")
    number = ndim(x)  # a single number is its own sum along any axis
    return {"axis": tuple(one % number for one in axes) if number else None, "keepdims": keepdims}
