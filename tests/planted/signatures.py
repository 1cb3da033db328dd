"""Mistakes that the check signatures must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam, PlainRMSprop, PlainSGD


@bug("T15", "signatures", "dion#109")
class SGDLoadsAnotherName(PlainSGD):
    """load_state_dict calls its argument sd, so that state_dict= is refused."""

    def load_state_dict(self, sd):
        super().load_state_dict(sd)


@bug("T15", "signatures")
class AdamNeedsToBeToldHow(PlainAdam):
    """zero_grad requires set_to_none."""

    def zero_grad(self, set_to_none):
        super().zero_grad(set_to_none)


@bug("T15", "signatures")
class RMSpropClosureByName(PlainRMSprop):
    """step takes its closure by name alone."""

    def step(self, *, closure=None):
        return super().step(closure)
