"""Gradients, lists, group dicts and tensors that were handed in stay as they were."""

from __future__ import annotations

import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("inputs-untouched")


@controls.caught("p.grad is changed in place", "parameter 0[0]")
class ScalesGradients(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g.mul_(0.5), state, group)


@controls.caught("p.grad is replaced")
class ReplacesGradients(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, group)
        p.grad = g.clone()


@controls.caught("list of parameters that it was given had 2 tensors")
class PopsParameters(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        taken = params
        super().__init__(list(taken), lr)
        if isinstance(taken, list) and len(taken) > 1 and isinstance(taken[0], torch.Tensor):
            taken.pop()


@controls.caught("group dict that it was given had lr=")
class RewritesGroups(MomentumWithDecay):
    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            group["lr"] *= 0.99
        return loss


@controls.caught("the list betas=[", "that it was given is")
class WritesBetas(torch.optim.Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999)):
        super().__init__(params, lr, betas)
        if isinstance(betas, list):
            betas[1] = 0.5


@controls.caught("a tensor learning rate is changed in place")
class ChangesTensorLr(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, group)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].mul_(0.9)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
