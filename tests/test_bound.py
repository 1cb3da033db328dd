"""The computed rounding error covers the true one, operation by operation and in whole expressions."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from twinstep.bench.compare.bounded import PRECISIONS, Bounded
from twinstep.bench.compare.bounds import bounded_hyper
from twinstep.bench.compare.random_rounding import MAGNIFIED, RandomlyRounded, Rounding, spread
from twinstep.reference.oracle import multiprecision
from twinstep.scratch_impls.vocabulary import maximum, mean, minimum, sign, where

NUMBER = st.floats(min_value=1e-12, max_value=1e6).flatmap(lambda x: st.sampled_from([x, -x]))
POSITIVE = st.floats(min_value=1e-12, max_value=1e6)
EXPRESSIONS = {
    "sum": lambda a, b, c: a + b,
    "difference": lambda a, b, c: a - b,
    "product": lambda a, b, c: a * b,
    "quotient": lambda a, b, c: a / b,
    "root": lambda a, b, c: (a * a + c) ** 0.5,
    "average": lambda a, b, c: 0.9 * a + (1 - 0.9) * b,
    "cancellation": lambda a, b, c: (a + b) * (a + b) - a * a,
    "update": lambda a, b, c: a - 0.1 * b / (c**0.5 + 1e-8),
    "reciprocal": lambda a, b, c: 2 / (1 + a * a),
    "larger": lambda a, b, c: maximum(a, b),
    "smaller of near ones": lambda a, b, c: minimum(a * b / b, a),
    "chosen": lambda a, b, c: where(c > 1, a + b, a - b),
    "power": lambda a, b, c: 3 / (1 + c) ** 0.75,
    "exponential": lambda a, b, c: a * 0.96 ** (7 * 0.004),
    "sign": lambda a, b, c: c * sign(a + b),
}


def rounded(x, dtype):
    """The input as the format holds it."""
    return float(np.float32(x)) if dtype == "float32" else float(x)


@settings(max_examples=60, deadline=None)
@given(a=NUMBER, b=NUMBER, c=POSITIVE)
@example(a=1.0, b=-1.0, c=1.0)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_error_covers_what_rounding_did(name, dtype, a, b, c):
    expression = EXPRESSIONS[name]
    inputs = [rounded(x, dtype) for x in (a, b, c)]
    number = np.float32 if dtype == "float32" else np.float64
    ours = expression(*(number(x) for x in inputs))
    truth = expression(*(multiprecision(x) for x in inputs))
    pair = expression(*(Bounded.exact(x, dtype) for x in inputs))
    assume(np.isfinite(ours))
    # First order: products of two errors are left out, a part in 1e6 at most in float32.
    gap = abs(multiprecision(float(ours)) - truth)
    assert gap <= multiprecision(float(pair.error)) * (1 + 1e-5), f"{name} {dtype}: gap {gap}, error {pair.error}"


MATRIX_EXPRESSIONS = {
    "product": lambda a: a @ a.T,
    "cubic": lambda a: 3.4 * a - 4.8 * (a @ a.T) @ a,
    "row means": lambda a: mean(a * a, -1, keepdims=True),
    "column means of a transpose": lambda a: mean(a.T, -2, keepdims=True) ** 2,
    "norm": lambda a: a / (a * a).sum() ** 0.5,
    "root mean square": lambda a: a / maximum(1, mean(a * a) ** 0.5 / 1.5),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MATRIX_EXPRESSIONS)
def test_the_error_covers_sums_in_any_order(name, dtype):
    expression = MATRIX_EXPRESSIONS[name]
    for seed in range(20):
        a = (np.random.default_rng(seed).standard_normal((5, 40)) * 3.0**seed).astype(dtype)
        truth, pair = expression(multiprecision(a.astype(np.float64))), expression(Bounded.exact(a, dtype))
        backwards = expression(np.asfortranarray(a[:, ::-1]))
        for ours in (expression(a), backwards if name == "product" else expression(a)):
            error = np.abs((multiprecision(np.float64(ours)) - truth).astype(np.float64))
            assert (error <= pair.error * (1 + 1e-5)).all(), f"{name}: {(error / pair.error).max()} bounds"
            assert (pair.error <= 1e4 * PRECISIONS[dtype].roundoff * np.abs(pair.value).max()).all(), "vacuous"


def test_near_ties_are_honest():
    """A value within its error of another, or of 0, may be on the other side."""
    a = Bounded(np.array([1.0, 1.0]), np.array([0.0, 0.0]), PRECISIONS["float64"])
    b = Bounded(np.array([0.9, 0.5]), np.array([0.2, 0.2]), PRECISIONS["float64"])
    assert maximum(a, b).error.tolist() == [0.2, 0.0]
    assert (b - 0.6).sign().error.tolist() == [0.0, 2.0]


def test_control_half_the_error_does_not_cover():
    """The bound is of the right size: scaled down to a fifth, some example leaves it."""
    rng = np.random.default_rng(0)
    left = 0
    for a, b, c in rng.uniform(0.5, 2, (300, 3)).astype(np.float32):
        ours = EXPRESSIONS["average"](a, b, c)
        truth = EXPRESSIONS["average"](*(multiprecision(float(x)) for x in (a, b, c)))
        pair = EXPRESSIONS["average"](*(Bounded.exact(float(x), "float32") for x in (a, b, c)))
        left += abs(multiprecision(float(ours)) - truth) > multiprecision(float(pair.error)) / 5
    assert left > 0


def test_underflow_has_a_floor():
    """The square of 1e-30 is 0 in float32, and the error says that it may be."""
    square = Bounded.exact(1e-30, "float32") * Bounded.exact(1e-30, "float32")
    assert abs(square.value - float(np.float32(1e-30) * np.float32(1e-30))) <= square.error


def test_a_root_at_zero_has_the_root_of_the_error():
    tiny = Bounded(np.array(0.0), np.array(1e-20), PRECISIONS["float64"])
    assert (tiny**0.5).error >= 1e-10


def test_constants_are_float64_until_they_meet_a_tensor():
    """1 - 0.999**2 in Python has a rounding error of a part in 1e13, which float64 results inherit."""
    beta = bounded_hyper({"betas": (0.9, 0.999), "amsgrad": True})["betas"][1]
    correction = 1 - beta**2
    exact = 1 - mpmath.mpf(0.999) ** 2
    assert abs(multiprecision(correction.value) - exact) <= correction.error < 1e-15
    assert (Bounded.exact(1.0, "float32") * correction).error > 1e-11


def test_an_unknown_convention_of_comparison_is_not_hidden():
    a, b = Bounded.exact([1.0, 3.0], "float64"), Bounded.exact([2.0, 2.0], "float64")
    assert (a > b).tolist() == [False, True]
    assert (a <= b).tolist() == [True, False]
    assert (abs(-a)).value.tolist() == [1.0, 3.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_rounding_is_as_large_as_the_formats_and_opens_what_it_decides(dtype):
    for margin, sure in ((1e-3, True), (4 * PRECISIONS[dtype].roundoff, False)):
        rounding = Rounding(dtype, runs=6, factor=8.0)
        third = RandomlyRounded.exact([1.0, 2.0], rounding) / 3
        away = spread(third.value) / (PRECISIONS[dtype].roundoff * MAGNIFIED.get(dtype, 1.0))
        assert (0.1 * third.value[0] < away).all() and (away <= 2 * third.value[0]).all()
        assert (third.value[0] == np.array([1.0, 2.0]) / 3).all(), "the first run is exact"
        assert third.sum() < 1 + margin and rounding.undecided is not sure
        assert len((2 * third).value) == (7 if sure else 1), "nothing more is asked of the others"
