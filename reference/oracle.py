"""A formula driven through a gradient history in any number system: with numbers of fifty digits, the exact result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np

from ..scratch_impls import Spec, State
from ..scratch_impls.spec import SHARED
from .local_model import LocalModel, joined

# Fifty digits in a context of its own: whoever else uses mpmath in this process keeps their precision.
_CONTEXT = mpmath.mp.clone()
_CONTEXT.dps = 50


class Trajectory:
    """Parameters, states and step counts of one formula, moved by step().

    start       the parameters, already in the number system; each keeps its own state and step count. Those of a
                formula that evaluates the loss itself become one vector with one state
    hyper       every hyperparameter of the formula
    synced      None, or for each parameter (steps taken, state) to begin with
    store       what becomes of a state value between two steps, where the number system does not say it
    rugged      on which ground a formula walks that evaluates the loss itself
    """

    def __init__(
        self,
        spec: Spec,
        hyper: Mapping[str, Any],
        start: Sequence[Any],
        synced: Sequence[tuple[int, State]] | None = None,
        store: Callable[[Any], Any] = lambda value: value,
        *,
        rugged: bool = False,
    ) -> None:
        self.spec, self.hyper, self.store, self.rugged = spec, dict(hyper), store, rugged
        self.params = [joined(start)] if spec.closure else list(start)
        self.shapes = [np.shape(p) for p in start]
        # What was synchronised is counted: a bias correction goes on where it was.
        begin = synced if synced is not None else [(0, spec.start(p, hyper)) for p in self.params]
        self.counts = [count for count, _ in begin]
        self.states = [dict(state) for _, state in begin]
        if spec.together and SHARED not in self.states[0]:
            self.states[0][SHARED] = {"step": 0, **spec.start_shared(hyper)}

    def step(self, gradients: Sequence[Any], lr_factor: Any = 1) -> None:
        """One step; a gradient that is None leaves its parameter, state and count alone.

        For a formula that evaluates the loss itself a gradient stands for the local model of a loss that has it.
        """
        if self.spec.closure:
            gradients = [LocalModel.of_parts(self.params[0], gradients, self.shapes, rugged=self.rugged)]
        hyper = {**self.hyper, "lr": self.hyper["lr"] * lr_factor} if lr_factor != 1 else self.hyper
        there = [i for i, gradient in enumerate(gradients) if gradient is not None]
        for i in there:
            if self.counts[i] == 0:  # a state that begins with lr begins with the lr of its first step
                shared = {SHARED: self.states[i][SHARED]} if SHARED in self.states[i] else {}
                self.states[i] = {**self.spec.start(self.params[i], hyper), **shared}
            self.counts[i] += 1
        if self.spec.together and there:
            self._step_together(there, [gradients[i] for i in there], hyper)
            return
        for i in there:
            more = self.spec.random(hyper, i, self.counts[i])
            self.params[i], new = self.spec.update(
                self.params[i], gradients[i], self.states[i], self.counts[i], *more, **hyper
            )
            self.states[i] = {name: self.store(value) for name, value in new.items()}

    def _step_together(self, there: Sequence[int], gradients: Sequence[Any], hyper: Mapping[str, Any]) -> None:
        """One step of those parameters that have a gradient, at once."""
        shared = self.states[0][SHARED]
        step = shared["step"] + 1
        params, states, new = self.spec.update(
            tuple(self.params[i] for i in there), tuple(gradients),
            tuple({n: v for n, v in self.states[i].items() if n != SHARED} for i in there),
            {n: v for n, v in shared.items() if n != "step"}, step, *self.spec.random(hyper, 0, step), **hyper,
        )  # fmt: skip
        for i, param, state in zip(there, params, states, strict=True):
            self.params[i] = param
            kept = {SHARED: shared} if i == 0 else {}
            self.states[i] = {**{name: self.store(value) for name, value in state.items()}, **kept}
        self.states[0][SHARED] = {"step": step, **{name: self.store(value) for name, value in new.items()}}


def multiprecision(value: Any) -> Any:
    """A float, or an array of any shape, as mpmath numbers of fifty digits; the conversion is exact."""
    if isinstance(value, np.ndarray):
        # An array of objects: NumPy's operators then call mpmath's, element by element.
        numbers = np.empty(value.shape, dtype=object)
        # Assigned into an array: of a single number frompyfunc returns the number, without the shape ().
        numbers[...] = np.frompyfunc(_CONTEXT.mpf, 1, 1)(value)
        return numbers
    return _CONTEXT.mpf(value)


def exact_hyper(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters as mpmath numbers, so that 1 - alpha is not rounded; flags stay as they are."""

    def convert(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(convert(v) for v in value)
        return multiprecision(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    return {name: convert(value) for name, value in hyper.items()}
