"""A parameter without a gradient rests, with its state; a gradient of zeros is none of these."""

from __future__ import annotations

import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay
from .shared_mistakes import OneCounter

controls = Controls("none-gradients")


@controls.caught("parameter 1 has no gradient and moved", "taken for zeros")
class NoneIsZero(MomentumWithDecay):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        return super().step(closure)


controls.caught("a counter runs on")(OneCounter)


@controls.caught("step 3, parameter 2", "disturbs the other parameters")
class StopsAtNone(MomentumWithDecay):
    """`break` where `continue` belongs."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    break
                self.one(p, p.grad, self.state[p], group)


@controls.caught("its state['seen'] changed")
class StateMovesOn(MomentumWithDecay):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["seen"] = self.state[p].get("seen", torch.zeros(())) + 1
        return super().step(closure)


@controls.caught("a gradient of zeros is taken for none")
class ZeroIsNone(MomentumWithDecay):
    def one(self, p, g, state, group):
        if g.any():
            super().one(p, g, state, group)


@controls.caught("after 12 steps without a gradient", "the state is dropped, or fades")
class ForgetsTheAbsent(MomentumWithDecay):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["idle"] = state.get("idle", 0) + 1 if p.grad is None else 0
                if state["idle"] == 9:
                    state.clear()
        return super().step(closure)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
