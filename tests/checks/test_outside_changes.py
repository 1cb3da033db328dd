"""A parameter that somebody else changes between steps goes on from there."""

from __future__ import annotations

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("outside-changes")


@controls.caught("had 1000 added between steps 3 and 4", "a copy of the parameter that it keeps")
class KeepsACopy(MomentumWithDecay):
    def one(self, p, g, state, group):
        copy = state.setdefault("copy", p.detach().clone())
        super().one(copy, g, state, group)
        p.copy_(copy)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
