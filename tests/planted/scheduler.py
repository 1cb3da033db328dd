"""Mistakes that the check scheduler must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam


@bug("T5", "scheduler", "OneCycleLR writes betas")
class AdamKeepsItsBetas(PlainAdam):
    """The betas of the constructor are used."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "betas": self.defaults["betas"]})
