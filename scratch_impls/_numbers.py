"""The few functions that no operator spells, for every number system alike.

Torch tensors and (value, error) pairs bring them as methods. The others are Python's or NumPy's, which is imported when
one of its arrays comes: a formula needs no framework.
"""


def where(condition, a, b):
    """a where the condition holds, else b; what is not taken leaves no trace, not even a NaN."""
    # Python's floats: no method and no array.
    if isinstance(condition, bool):
        return a if condition else b
    if hasattr(a, "where"):
        return a.where(condition, b)
    if hasattr(b, "where"):
        return b.where(~condition, a)
    if not condition.ndim:
        return a if condition else b
    import numpy

    return numpy.where(condition, a, b)


def maximum(a, b):
    """The larger of two, elementwise. NaN on either side gives NaN."""
    # b != b: a NaN compares false with everything, and would lose to whatever stands on the other side.
    return where((a < b) | (b != b), b, a)


def minimum(a, b):
    """The smaller of two, elementwise. NaN on either side gives NaN."""
    return where((a > b) | (b != b), b, a)


def sign(a):
    """-1, 0 or 1, in the format of a."""
    if hasattr(a, "sign"):
        return a.sign()
    return where(a > 0, 1 + 0 * a, where(a < 0, -1 + 0 * a, 0 * a))


def mean(a, axis=None):
    """The mean of all elements, or along one axis, which stays with length 1. A single number is its own mean."""
    if not hasattr(a, "mean"):
        return a
    return a.mean() if axis is None else a.mean(axis=axis, keepdims=True)


def dimensions(a):
    """The number of axes; a single number has none."""
    return getattr(a, "ndim", 0)


def spacing(a):
    """The distance from 1 to the next number of the format of a; that of float64 where a names no narrower one."""
    name = str(getattr(a, "dtype", "float64")).removeprefix("torch.")
    return {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}.get(name, 2.0**-52)
