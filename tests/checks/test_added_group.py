"""A group that is added later steps as if it had been there."""

from __future__ import annotations

import torch

from .controls import Controls
from .one_check import verdict
from .right_optimizers import MomentumWithDecay
from .shared_mistakes import OneCounter

controls = Controls("added-group")
controls.caught("the parameter that starts at step 4")(OneCounter)


@controls.caught("KeyError", "it raised KeyError")
class StateInConstructor(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["v"] = torch.zeros_like(p)

    def velocity(self, g, state, group):
        state["v"] = 0.9 * state["v"] + g
        return state["v"]


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()


class NamesItsRate(MomentumWithDecay):
    """The constructor says learning_rate, the groups say lr."""

    def __init__(self, params, learning_rate=0.1, momentum=0.9):
        super().__init__(params, learning_rate, momentum)


def test_a_constructor_may_call_the_rate_otherwise_than_its_groups():
    found = verdict(NamesItsRate, "added-group")
    assert found.status == "passed", str(found)


def test_control_a_group_whose_rate_is_not_used_is_seen_whatever_it_is_called():
    class OneRate(NamesItsRate):
        def one(self, p, g, state, group):
            super().one(p, g, state, {**group, "lr": self.defaults["lr"]})

    found = verdict(OneRate, "added-group")
    assert found.status == "failed" and "the parameter that starts at step 4" in found.message, str(found)
