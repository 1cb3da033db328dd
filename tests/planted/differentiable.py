"""Mistakes that the check differentiable must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain_differentiable import DifferentiableSGD


@bug("T8", "differentiable")
class SGDDifferentiableByName(DifferentiableSGD):
    """differentiable=True is taken, and every step is made without derivatives."""

    @torch.no_grad()
    def step(self, closure=None):
        return super().step(closure)


@bug("T8", "differentiable", "torch.optim.Rprop 2.13")
class SGDMovesInPlace(DifferentiableSGD):
    """With differentiable=True a factor of the step is changed in place once the step was made with it."""

    def velocity(self, grad, state, group):
        one = 1 + 0 * grad
        step = super().velocity(grad, state, group) * one
        one.mul_(1.0)
        return step
