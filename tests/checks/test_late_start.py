"""A parameter whose first gradient comes late starts as others did."""

from __future__ import annotations

import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay
from .shared_mistakes import OneCounter

controls = Controls("late-start")
controls.caught("state that parameters share")(OneCounter)


@controls.caught("KeyError")
class AllStartTogether(MomentumWithDecay):
    begun = False

    def velocity(self, g, state, group):
        if not self.begun:
            state["v"] = torch.zeros_like(g)
        state["v"] = group["momentum"] * state["v"] + g
        return state["v"]

    def step(self, closure=None):
        loss = super().step(closure)
        self.begun = True
        return loss


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
