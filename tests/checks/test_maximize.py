"""With maximize the gradient's sign is turned, before the decay is added."""

from __future__ import annotations

from .controls import Controls
from .right_optimizers import MomentumWithDecay
from .shared_mistakes import SignAfterDecay

controls = Controls("maximize")
controls.caught("differ with weight_decay=", "after weight decay")(SignAfterDecay)


@controls.caught("differ with weight_decay=")
class NeverMaximizes(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, {**group, "maximize": False})


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
