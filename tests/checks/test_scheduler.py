"""torch's schedulers drive the learning rate, and the momentum where they cycle it."""

from __future__ import annotations

from .controls import Controls
from .right_optimizers import MomentumWithDecay
from .shared_mistakes import KeepsLr

controls = Controls("scheduler")
controls.caught("StepLR changes nothing", "not read at each step")(KeepsLr)


@controls.caught('group["lr"] is 0.05, scheduled is 0.025')
class PutsLrBack(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)
        self.lr = lr

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            group["lr"] = self.lr
        return loss


@controls.caught('OneCycleLR cycles group["momentum"]')
class KeepsMomentum(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, {**group, "momentum": self.defaults["momentum"]})


@controls.caught("by hand differ")
class KnowsSchedulers(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g if "initial_lr" not in group else 1.1 * g, state, group)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
