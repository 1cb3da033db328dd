"""What the words of a formula (scratch_impls/vocabulary.py) are on (value, error) pairs and with random rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...scratch_impls._number_systems import NumpyArrays
from .bounded import PRECISIONS, Bounded
from .random_rounding import RandomlyRounded, Rounding


class Pairs:
    """Values with the first-order bound of their rounding error."""

    @staticmethod
    def sign(x: Bounded) -> Bounded:
        return x.sign()

    @staticmethod
    def exp(x: Bounded) -> Bounded:
        with np.errstate(all="ignore"):
            # The error itself may be large where the value is: expm1 is exact where a derivative would not do.
            return _of_a_library(np.exp(x.value), np.exp(x.value) * np.expm1(x.error), x)

    @staticmethod
    def log(x: Bounded) -> Bounded:
        with np.errstate(all="ignore"):
            # From x - error up to x: where that reaches 0, nothing is sure.
            low = np.where(x.error < abs(x.value), -np.log1p(-x.error / abs(x.value)), np.inf)
            return _of_a_library(np.log(x.value), np.where(x.error == 0, 0.0, low), x)

    @staticmethod
    def cos(x: Bounded) -> Bounded:
        with np.errstate(all="ignore"):
            slope = np.minimum(1.0, abs(np.sin(x.value)) + x.error / 2)
            return _of_a_library(np.cos(x.value), np.minimum(slope * x.error, 2.0), x)

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> Bounded:
        if isinstance(a, Bounded):
            return a.where(condition, b)
        # The same two with the first made a pair: a number that the formula wrote, rounded where it meets an array.
        made: Bounded = Bounded(np.asarray(a, dtype=np.float64), np.float64(0.0), PRECISIONS["float64"], constant=True)
        return made.where(condition, b)

    @staticmethod
    def sum(x: Bounded, axis: Any, keepdims: bool) -> Bounded:
        return x.sum(axis, keepdims)

    @staticmethod
    def mean(x: Bounded, axis: Any, keepdims: bool) -> Bounded:
        return x.mean(axis, keepdims) if np.ndim(x.value) else x

    @staticmethod
    def max(x: Bounded, axis: Any, keepdims: bool) -> Bounded:
        return x.max(axis, keepdims)

    @staticmethod
    def reshape(x: Bounded, shape: tuple[int, ...]) -> Bounded:
        return _rearranged(x, lambda array: np.reshape(array, shape))

    @staticmethod
    def transpose(x: Bounded, axes: tuple[int, ...]) -> Bounded:
        return _rearranged(x, lambda array: np.transpose(array, axes))

    @staticmethod
    def full_like(x: Bounded, value: Any) -> Bounded:
        if isinstance(value, Bounded):
            made = Bounded(np.full(x.shape, value.value), np.full(x.shape, value.error), x.precision)
            return made if not value.constant else Pairs._rounded_once(made)
        exact = Bounded(np.full(x.shape, float(value)), np.zeros(x.shape), x.precision)
        return exact if float(value).is_integer() else Pairs._rounded_once(exact)

    @staticmethod
    def _rounded_once(x: Bounded) -> Bounded:
        return Bounded(x.value, x.error + x.precision.roundoff * abs(x.value) + x.precision.underflow, x.precision)

    @staticmethod
    def astype(x: Bounded, name: str) -> Bounded:
        wider = PRECISIONS[name].roundoff <= x.precision.roundoff
        made = Bounded(x.value, x.error, PRECISIONS[name], x.constant)
        return made if wider else Pairs._rounded_once(made)

    @staticmethod
    def rounded_at_random(x: Bounded, numbers: np.ndarray, bits: int) -> Bounded:
        spacing = np.ldexp(np.ones_like(x.value), np.frexp(x.value)[1] - bits)
        below = spacing * np.floor(x.value / spacing)
        over = x.value - below - spacing * numbers
        # Near the number that decides it may be the neighbour; far from it the result is exact, whatever the error was.
        # The number itself is rounded to the format, and so is its product.
        unsure = abs(over) <= x.error + 3 * x.precision.roundoff * spacing
        return Bounded(below + spacing * (over > 0), np.where(unsure, spacing, 0.0), x.precision)

    @staticmethod
    def eye(n: int, like: Bounded) -> Bounded:
        return Bounded(np.eye(n), np.zeros((n, n)), like.precision)

    @staticmethod
    def drawn_like(x: Bounded, numbers: Any) -> Bounded:
        return Bounded(numbers, np.zeros(x.shape), x.precision)

    @staticmethod
    def eigh(x: Bounded) -> Any:
        raise NotImplementedError("eigenvectors have no bound of first order where eigenvalues are near each other")

    qr = svd = eigh


def _of_a_library(value: Any, inherited: Any, x: Bounded) -> Bounded:
    """A function that is right to one unit in the last place, which is two roundings."""
    # Measured in torch's documentation of accuracy, glibc's and SLEEF's: exp, log and cos within 1.0 ulp.
    error = inherited + 2 * x.precision.roundoff * abs(value) + x.precision.underflow
    return Bounded(value, error, x.precision, x.constant)


def _rearranged(x: Bounded, change: Callable[[Any], Any]) -> Bounded:
    return Bounded(change(x.value), change(x.error), x.precision, x.constant)


class RandomRounding:
    """Several runs side by side, every result rounded at random."""

    @staticmethod
    def sign(x: RandomlyRounded) -> RandomlyRounded:
        x.rounding.compare(x.value)
        return RandomlyRounded(np.sign(x.value), x.rounding)

    @staticmethod
    def exp(x: RandomlyRounded) -> RandomlyRounded:
        return RandomlyRounded(x.rounding(np.exp(x.value)), x.rounding)

    @staticmethod
    def log(x: RandomlyRounded) -> RandomlyRounded:
        return RandomlyRounded(x.rounding(np.log(x.value)), x.rounding)

    @staticmethod
    def cos(x: RandomlyRounded) -> RandomlyRounded:
        return RandomlyRounded(x.rounding(np.cos(x.value)), x.rounding)

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> RandomlyRounded:
        first = a if isinstance(a, RandomlyRounded) else RandomlyRounded.exact(a, b.rounding)
        return RandomlyRounded(np.where(condition, *first.aligned(b)), first.rounding)

    @staticmethod
    def sum(x: RandomlyRounded, axis: Any, keepdims: bool) -> RandomlyRounded:
        return x.sum(axis, keepdims)

    @staticmethod
    def mean(x: RandomlyRounded, axis: Any, keepdims: bool) -> RandomlyRounded:
        total = x.sum(axis, keepdims)
        return total / max(x.value[0].size // max(total.value[0].size, 1), 1)

    @staticmethod
    def max(x: RandomlyRounded, axis: Any, keepdims: bool) -> RandomlyRounded:
        return x.max(axis, keepdims)

    @staticmethod
    def reshape(x: RandomlyRounded, shape: tuple[int, ...]) -> RandomlyRounded:
        return RandomlyRounded(x.value.reshape(len(x.value), *shape), x.rounding)

    @staticmethod
    def transpose(x: RandomlyRounded, axes: tuple[int, ...]) -> RandomlyRounded:
        return RandomlyRounded(x.value.transpose(0, *(axis + 1 for axis in axes)), x.rounding)

    @staticmethod
    def full_like(x: RandomlyRounded, value: Any) -> RandomlyRounded:
        return RandomlyRounded.exact(np.full(x.shape, value), x.rounding)

    @staticmethod
    def astype(x: RandomlyRounded, name: str) -> RandomlyRounded:
        return x  # all runs are rounded as the parameter's format is

    @staticmethod
    def rounded_at_random(x: RandomlyRounded, numbers: np.ndarray, bits: int) -> RandomlyRounded:
        spacing = np.ldexp(np.ones_like(x.value), np.frexp(x.value)[1] - bits)
        below = spacing * np.floor(x.value / spacing)
        return RandomlyRounded(below + spacing * (x.value - below > spacing * numbers), x.rounding)

    @staticmethod
    def eye(n: int, like: RandomlyRounded) -> RandomlyRounded:
        return RandomlyRounded.exact(np.eye(n), like.rounding)

    @staticmethod
    def drawn_like(x: RandomlyRounded, numbers: Any) -> RandomlyRounded:
        return RandomlyRounded.exact(numbers, x.rounding)

    @staticmethod
    def eigh(x: RandomlyRounded) -> tuple[RandomlyRounded, RandomlyRounded]:
        w, v = NumpyArrays.eigh(_disturbed(x))
        return _rounded(w, x.rounding), _rounded(_turned(v, -2), x.rounding)

    @staticmethod
    def qr(x: RandomlyRounded) -> tuple[RandomlyRounded, RandomlyRounded]:
        q, r = np.linalg.qr(_disturbed(x))
        signs = _signs(q, -2)
        return _rounded(q * signs, x.rounding), _rounded(r * signs.swapaxes(-1, -2), x.rounding)

    @staticmethod
    def svd(x: RandomlyRounded) -> tuple[RandomlyRounded, RandomlyRounded, RandomlyRounded]:
        u, s, v = np.linalg.svd(_disturbed(x), full_matrices=False)
        signs = _signs(u, -2)
        turned = (u * signs, s, v * signs.swapaxes(-1, -2))
        return tuple(_rounded(each, x.rounding) for each in turned)  # type: ignore[return-value]


def _rounded(value: np.ndarray, rounding: Rounding) -> RandomlyRounded:
    return RandomlyRounded(rounding(value), rounding)


def _disturbed(x: RandomlyRounded) -> np.ndarray:
    """The matrix of each run, disturbed as much as a backward stable algorithm may: by its norm, not its elements.

    eigh reads one half of it, so that it stays symmetric.
    """
    rounding = x.rounding
    norms = np.broadcast_to(np.linalg.norm(x.value, axis=(-2, -1), keepdims=True), x.value.shape)
    disturbed: np.ndarray = x.value + (rounding(norms) - rounding.exactly(norms))
    return disturbed


def _signs(vectors: np.ndarray, axis: int) -> np.ndarray:
    """-1 where a vector of a run points away from that of the exact run, whose sign an algorithm chooses freely."""
    return np.where((vectors * vectors[:1]).sum(axis=axis, keepdims=True) < 0, -1.0, 1.0)


def _turned(vectors: np.ndarray, axis: int) -> np.ndarray:
    turned: np.ndarray = vectors * _signs(vectors, axis)
    return turned
