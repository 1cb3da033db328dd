"""Mistakes that the check learned-options must catch."""

from __future__ import annotations

from ._bug import bug
from .plain_differentiable import DifferentiableSGD


@bug("T8", "learned-options", "torch.optim.ASGD 2.13")
class SGDForgetsWhoLearns(DifferentiableSGD):
    """A tensor learning rate is read as a number."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "lr": float(group["lr"])})
