"""A group's options are its own."""

from __future__ import annotations

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("groups")


@controls.caught("the group's own lr is not used")
class OneLrForAll(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, {**group, "lr": self.param_groups[0]["lr"]})


@controls.caught("the group's own weight_decay is not used")
class LastGroupRules(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, {**group, "weight_decay": self.param_groups[-1]["weight_decay"]})


@controls.caught("depends on another's", "by design where a norm")
class GlobalNorm(MomentumWithDecay):
    def one(self, p, g, state, group):
        norm = sum(float(q.grad.norm()) ** 2 for grp in self.param_groups for q in grp["params"]) ** 0.5
        super().one(p, g / norm, state, group)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
