"""Mistakes that the check maximize must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam, PlainAdamW, PlainRMSprop, PlainSGD


@bug("T4", "maximize", cause="the sign is turned after weight decay, or not at all")
class SGDTurnsLast(PlainSGD):
    """The sign is turned after weight decay is added."""

    def gradient(self, p, grad, group):
        grad = super().gradient(p, grad, {**group, "maximize": False})
        return -grad if group["maximize"] else grad


@bug("T4", "maximize")
class RMSpropTurnsTheStep(PlainRMSprop):
    """maximize turns the sign of lr."""

    def step_one(self, p, grad, state, group):
        lr = -group["lr"] if group["maximize"] else group["lr"]
        super().step_one(p, grad, state, {**group, "lr": lr, "maximize": False})


@bug("T4", "maximize", "kozistr#528")
class AdamNeverTurns(PlainAdam):
    """maximize is taken and never read."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad, {**group, "maximize": False})


@bug("T4", "maximize")
class AdamWGrowsWeights(PlainAdamW):
    """maximize turns the sign of the decoupled decay too."""

    def decayed(self, p, grad, group):
        decay = -group["weight_decay"] if group["maximize"] else group["weight_decay"]
        return super().decayed(p, grad, {**group, "weight_decay": decay})
