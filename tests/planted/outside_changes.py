"""Mistakes that the check outside-changes must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T8", "outside-changes")
class SGDKeepsAMaster(PlainSGD):
    """It steps a copy of the parameter that it keeps, and overwrites what anybody else wrote into the parameter."""

    def step_one(self, p, grad, state, group):
        masters = self.__dict__.setdefault("masters", {})
        if p not in masters:
            masters[p] = p.detach().clone()
        super().step_one(masters[p], grad, state, group)
        p.copy_(masters[p])
