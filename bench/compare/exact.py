"""Where a formula's exact value is no number: the only place where two results that are not finite may agree.

Numbers of fifty digits that go on where mpmath raises: what has no value stays without one, and says why. A NaN or an
infinity that the formula itself writes down is mpmath's, and no excuse.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mpmath
import numpy as np
import torch

from ...reference.oracle import Trajectory, exact_hyper, multiprecision
from ...scratch_impls import Spec, map_state
from ...scratch_impls._single_numbers import PythonNumbers
from .formula_rows import Layout
from .scenario import Scenario

# Why there is no number: it is beyond the format, or follows from what is (a gradient that was given as infinite, too);
# or no number is the answer, as of 0 / 0 and of the root of -1.
BEYOND, NONE = "beyond the format", "none"


class Exact:
    """A number of fifty digits, or why there is none.

    number      mpmath's; None where there is none
    why         BEYOND or NONE where there is none
    largest     of the format that the results are kept in
    """

    __slots__ = ("largest", "number", "why")

    def __init__(self, number: Any, largest: float, why: str = "") -> None:
        if why == "" and mpmath.isfinite(number) and abs(number) > largest:
            why = BEYOND
        self.number, self.largest, self.why = None if why else number, largest, why

    @classmethod
    def given(cls, value: float, largest: float) -> Exact:
        """An input: one that is not finite is no fault of the formula."""
        return cls(multiprecision(float(value)), largest, "" if np.isfinite(value) else BEYOND)

    def _by(self, function: Callable[..., Any], *others: Any) -> Any:
        """function(self.number, *others) where all are numbers."""
        if any(isinstance(other, np.ndarray) for other in others):
            return NotImplemented  # NumPy goes through its elements
        numbers = [other.number if isinstance(other, Exact) else other for other in (self, *others)]
        # What the formula wrote down as NaN stays one: what it meets is no excuse.
        if any(number is not None and not mpmath.isfinite(number) for number in numbers if _is_real(number)):
            return Exact(_written(function, numbers), self.largest)
        reasons = [other.why for other in (self, *others) if isinstance(other, Exact) and other.why]
        if reasons:
            return Exact(None, self.largest, BEYOND if BEYOND in reasons else NONE)
        try:
            found = function(*numbers)
        except (ZeroDivisionError, ValueError):
            return Exact(None, self.largest, NONE)
        if isinstance(found, mpmath.mpc) or not _is_real(found):  # the root of a negative number
            return Exact(None, self.largest, NONE)
        return Exact(found, self.largest)

    def __add__(self, other: Any) -> Any:
        return self._by(operator.add, other)

    def __sub__(self, other: Any) -> Any:
        return self._by(operator.sub, other)

    def __mul__(self, other: Any) -> Any:
        return self._by(operator.mul, other)

    def __truediv__(self, other: Any) -> Any:
        return self._by(operator.truediv, other)

    def __pow__(self, other: Any) -> Any:
        return self._by(operator.pow, other)

    def __radd__(self, other: Any) -> Any:
        return self._by(lambda a, b: b + a, other)

    def __rsub__(self, other: Any) -> Any:
        return self._by(lambda a, b: b - a, other)

    def __rmul__(self, other: Any) -> Any:
        return self._by(lambda a, b: b * a, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._by(lambda a, b: b / a, other)

    def __rpow__(self, other: Any) -> Any:
        return self._by(lambda a, b: b**a, other)

    def __neg__(self) -> Any:
        return self._by(operator.neg)

    def __abs__(self) -> Any:
        return self._by(abs)

    def sign(self) -> Any:
        return self._by(PythonNumbers.sign)

    def exp(self) -> Any:
        return self._by(PythonNumbers.exp)

    def log(self) -> Any:
        return self._by(PythonNumbers.log)

    def cos(self) -> Any:
        return self._by(PythonNumbers.cos)

    def _compared(self, other: Any, relation: Callable[[Any, Any], Any]) -> Any:
        """As of a NaN, no comparison with what is no number holds."""
        if isinstance(other, np.ndarray):
            return NotImplemented
        b = other.number if isinstance(other, Exact) else other
        return self.number is not None and b is not None and bool(relation(self.number, b))

    def __lt__(self, other: Any) -> Any:
        return self._compared(other, operator.lt)

    def __le__(self, other: Any) -> Any:
        return self._compared(other, operator.le)

    def __gt__(self, other: Any) -> Any:
        return self._compared(other, operator.gt)

    def __ge__(self, other: Any) -> Any:
        return self._compared(other, operator.ge)

    def __eq__(self, other: Any) -> Any:
        return self._compared(other, operator.eq)

    def __ne__(self, other: Any) -> Any:
        return not self._compared(other, operator.eq)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.number != 0)  # as NaN, None is true

    def __int__(self) -> int:
        if self.number is None:
            raise ValueError(f"no whole number: {self.why}")
        return int(self.number)


def reasons(spec: Spec, hyper: Mapping[str, Any], scenario: Scenario, dtype: str, layout: Layout) -> Iterator[Any]:
    """After each step a row of why the formula's exact value is no number there; "" where it is one.

    hyper, scenario, layout     as a replay has them: every hyperparameter, cast to the format
    """
    largest = float(torch.finfo(getattr(torch, dtype)).max)

    def exact(value: Any) -> Any:
        if value is None or isinstance(value, int):
            return value
        made = np.empty(np.shape(value), dtype=object)
        made[...] = np.frompyfunc(lambda each: Exact.given(each, largest), 1, 1)(np.asarray(value, dtype=np.float64))
        return made

    synced = scenario.synced and [(count, map_state(state, exact)) for count, state in scenario.synced]
    start = [exact(a) for a in scenario.start]
    run = Trajectory(spec, exact_hyper(hyper), start, synced, rugged=scenario.rugged)
    for gradients, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        with np.errstate(all="ignore"):  # NumPy looks at the processor's flags even after a Python operator
            run.step([exact(g) for g in gradients], factor)
        yield np.concatenate(
            [
                _why(run.params[unit] if name == "param" else run.states[unit].get(name), size)
                for (unit, name), size in zip(layout.places(), layout.sizes, strict=True)
            ]
        )


def _why(value: Any, size: int) -> Any:
    found = np.array([each.why if isinstance(each, Exact) else "" for each in np.ravel(value)], dtype=object)
    return found if found.size == size else np.full(size, "", dtype=object)


def _is_real(number: Any) -> bool:
    return isinstance(number, (int, float, mpmath.mpf)) or hasattr(number, "_mpf_")


def _written(function: Callable[..., Any], numbers: list[Any]) -> Any:
    """What becomes of a NaN or an infinity that the formula wrote down."""
    try:
        found = function(*(mpmath.nan if number is None else number for number in numbers))
    except (ZeroDivisionError, ValueError, TypeError):
        return mpmath.nan
    return found if _is_real(found) else mpmath.nan
