"""Mistakes that the check step-moves must catch."""

from __future__ import annotations

import time

from ._bug import bug
from .plain import PlainAdam, PlainSGD


@bug("T1", "step-moves", "a parity test that never called step()")
class SGDDoesNothing(PlainSGD):
    """step() does nothing."""

    def step_one(self, p, grad, state, group):
        pass


@bug("T15", "step-moves", cause="the step is not deterministic, or gives NaN", steady=False)
class AdamReadsTheClock(PlainAdam):
    """The result depends on the time."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad * (1 + 1e-3 * (time.perf_counter() % 1)), group)
