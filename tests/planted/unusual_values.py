"""Mistakes that the check unusual-values must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdam, PlainRMSprop, PlainSGD


@bug("T13", "unusual-values")
class AdamNoBeta(PlainAdam):
    """A beta of 0 is taken for none, and 0.9 is used."""

    def step_one(self, p, grad, state, group):
        first, second = group["betas"]
        super().step_one(p, grad, state, {**group, "betas": (first or 0.9, second)})


@bug("T13", "unusual-values")
class RMSpropCapsDecay(PlainRMSprop):
    """Weight decay above 0.2 is 0.2."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad, {**group, "weight_decay": min(group["weight_decay"], 0.2)})


@bug("T13", "unusual-values")
class SGDCapsTheRate(PlainSGD):
    """A learning rate above 1 is 1."""

    def step_group(self, group):
        super().step_group({**group, "lr": min(group["lr"], 1.0)})


@bug("T13", "unusual-values")
class AdamClips(PlainAdam):
    """Gradients are clipped at 1000, where they are finite."""

    def decayed(self, p, grad, group):
        clipped = torch.where(grad.isfinite(), grad.clamp(-1e3, 1e3), grad)
        return super().decayed(p, clipped, group)
