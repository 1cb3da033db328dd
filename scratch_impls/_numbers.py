"""The few elementwise functions that no operator spells, for every number system alike."""


def maximum(a, b):
    """The larger of two, elementwise. NaN on either side gives NaN; infinities are kept for a, b >= 0."""
    return a * (a >= b) + b * (a < b)
