"""A formula driven through a gradient history in any number system: with numbers of fifty digits, the exact result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np

from ..scratch_impls import Spec, State
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

    def step(self, gradients: Sequence[Any], lr_factor: Any = 1) -> None:
        """One step; a gradient that is None leaves its parameter, state and count alone.

        For a formula that evaluates the loss itself a gradient stands for the local model of a loss that has it.
        """
        if self.spec.closure:
            gradients = [LocalModel.of_parts(self.params[0], gradients, self.shapes, rugged=self.rugged)]
        hyper = {**self.hyper, "lr": self.hyper["lr"] * lr_factor} if lr_factor != 1 else self.hyper
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                if self.counts[i] == 0:  # a state that begins with lr begins with the lr of its first step
                    self.states[i] = self.spec.start(self.params[i], hyper)
                self.counts[i] += 1
                self.params[i], new = self.spec.update(
                    self.params[i], gradient, self.states[i], self.counts[i], **hyper
                )
                self.states[i] = {name: self.store(value) for name, value in new.items()}


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
