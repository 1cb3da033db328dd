"""A closure is called once, with gradients on, and its loss returned; zero_grad() clears gradients and nothing else."""

from __future__ import annotations

import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("closure")


@controls.caught("grad was disabled in call 1", "no_grad")
class GradOffInClosure(MomentumWithDecay):
    @torch.no_grad()
    def step(self, closure=None):
        loss = closure() if closure else None
        super().step()
        return loss


@controls.caught("2 times, not 1")
class CallsTwice(MomentumWithDecay):
    def step(self, closure=None):
        if closure:
            closure()
        return super().step(closure)


@controls.caught("2 times, not 1 (as torch.optim:SGD)", against=torch.optim.SGD)
class CallsTwiceUnlikeItsReference(CallsTwice):
    pass


@controls.caught("returned None, not the closure's loss")
class ForgetsLoss(MomentumWithDecay):
    def step(self, closure=None):
        super().step(closure)


@controls.caught("backward() with step() differ in parameter 0")
class OldGradients(MomentumWithDecay):
    def step(self, closure=None):
        super().step()
        return closure() if closure else None


@controls.caught("zero_grad() left a nonzero gradient")
class KeepsGradients(MomentumWithDecay):
    def zero_grad(self, set_to_none=True):
        pass


@controls.caught("zero_grad(set_to_none=False) left None")
class AlwaysNone(MomentumWithDecay):
    def zero_grad(self, set_to_none=True):
        super().zero_grad()


@controls.caught("zero_grad() dropped the state of parameter 0", "zero_grad() drops state")
class ForgetsAtZeroGrad(MomentumWithDecay):
    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        self.state.clear()


@controls.caught("zero_grad() changed parameter 0", "zero_grad() is a step of its own")
class DecaysAtZeroGrad(MomentumWithDecay):
    @torch.no_grad()
    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        for p in self.param_groups[0]["params"]:
            p.mul_(0.99)


@controls.caught("step 1 of one optimizer called its closure 2 times", "in groups of their own")
class AsksForEachGroup(MomentumWithDecay):
    def step(self, closure=None):
        loss = None
        for _ in self.param_groups:
            with torch.enable_grad():
                loss = closure() if closure else None
        super().step()
        return loss


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
