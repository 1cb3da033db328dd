"""A parameter that needs no gradient is left alone."""

from __future__ import annotations

import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("frozen")


@controls.caught("it raised")
class WantsEveryGradient(MomentumWithDecay):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad.norm()
        return super().step(closure)


@controls.caught("moved", "updated all the same")
class DecaysTheFrozen(MomentumWithDecay):
    def step(self, closure=None):
        loss = super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    p.mul_(0.99)
        return loss


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
