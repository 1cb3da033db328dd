"""Mistakes that the check inputs-untouched must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T8", "inputs-untouched", "pytorch#12218")
class SGDDecaysTheGradient(PlainSGD):
    """Weight decay is added to p.grad in place."""

    def gradient(self, p, grad, group):
        return grad.add_(p, alpha=group["weight_decay"]) if group["weight_decay"] else super().gradient(p, grad, group)


@bug("T8", "inputs-untouched", "pytorch#126854")
class AdamTurnsTheGradient(PlainAdam):
    """maximize turns p.grad in place."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad.neg_() if group["maximize"] else grad, state, {**group, "maximize": False})


@bug("T8", "inputs-untouched", "pytorch#51794")
class RMSpropClearsTheGradient(PlainRMSprop):
    """The gradient is zeroed after the step."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        grad.zero_()


@bug("T8", "inputs-untouched")
class AdagradDropsTheGradient(PlainAdagrad):
    """p.grad is None after the step."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        p.grad = None
