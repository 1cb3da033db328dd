"""What the words of vocabulary.py do to one number: to a float of Python, or to a number of mpmath."""

import math


class PythonNumbers:
    """Single numbers: Python's, and those of mpmath, which say in which context they are computed."""

    @staticmethod
    def sign(x):
        return x if x != x else 1.0 * ((x > 0) - (x < 0))

    @staticmethod
    def exp(x):
        try:
            return _functions(x).exp(x)
        except OverflowError:
            return math.inf

    @staticmethod
    def log(x):
        # Python and mpmath raise, or give a complex number, where an array has -inf or NaN.
        if not x > 0:
            return -math.inf if x == 0 else math.nan
        return _functions(x).log(x)

    @staticmethod
    def cos(x):
        return math.nan if x in (math.inf, -math.inf) else _functions(x).cos(x)

    @staticmethod
    def where(condition, a, b):
        return a if condition else b

    @staticmethod
    def sum(x, axis, keepdims):
        return x

    mean = max = sum

    @staticmethod
    def reshape(x, shape):
        return x

    transpose = astype = reshape

    @staticmethod
    def full_like(x, value):
        return value if isinstance(x, int) else float(value)

    @staticmethod
    def rounded_at_random(x, numbers, bits):
        if not x or x != x or x in (math.inf, -math.inf):
            return x
        spacing = 2.0 ** (math.frexp(float(x))[1] - bits)
        below = spacing * math.floor(x / spacing)
        return below + spacing * (x - below > spacing * float(numbers))

    @staticmethod
    def eye(n, like):
        return 1.0

    @staticmethod
    def drawn_like(x, numbers):
        return float(numbers)

    @staticmethod
    def eigh(x):
        return x, 1.0

    @staticmethod
    def qr(x):
        return (-1.0, -x) if x < 0 else (1.0, x)

    @staticmethod
    def svd(x):
        return (-1.0 if x < 0 else 1.0), abs(x), 1.0


def _functions(x):
    """Where exp and its like stand for a single number."""
    return getattr(x, "context", math)
