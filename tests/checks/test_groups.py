"""A group's options are its own."""

from __future__ import annotations

from twinstep.bench.battery.judge import check_optimizer

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


@controls.caught("a step beside a group without parameters raised ValueError", "a group without parameters raises")
class LargestOfNothing(MomentumWithDecay):
    """An accident, although its text says "empty" as a refusal may."""

    def step(self, closure=None):
        for group in self.param_groups:
            max(p.numel() for p in group["params"])
        return super().step(closure)


class RefusesEmptyGroups(MomentumWithDecay):
    def step(self, closure=None):
        if not all(group["params"] for group in self.param_groups):
            raise ValueError("got an empty group of parameters")
        return super().step(closure)


def test_a_refusal_of_empty_groups_is_no_fault():
    (result,) = check_optimizer(RefusesEmptyGroups, checks=["groups"], quick=True).results
    assert result.status == "passed", result


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
