"""Mistakes that the check late-start must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainRMSprop, PlainSGD


@bug("T7", "late-start", "NorMuon#3")
class SGDStopsAtNone(PlainSGD):
    """The loop ends at the first parameter without a gradient."""

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is None:
                break
            self.step_one(p, p.grad, self.state[p], group)


@bug("T7", "late-start")
class RMSpropNeedsAll(PlainRMSprop):
    """It does nothing unless every parameter has a gradient."""

    def step_group(self, group):
        if all(p.grad is not None for p in group["params"]):
            super().step_group(group)
