"""Two right optimizers, made to be spoilt: every wrong one of these tests overrides one part of one of them."""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class MomentumWithDecay(Optimizer):
    """Takes closures, decay and maximize; its velocity starts with the first gradient, as torch's."""

    def __init__(self, params, lr=0.1, momentum=0.9, weight_decay=0.0, maximize=False):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize})

    def step(self, closure=None):
        with torch.enable_grad():
            loss = closure() if closure else None
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self.one(p, p.grad, self.state[p], group)
        return loss

    def one(self, p, g, state, group):
        g = -g if group["maximize"] else g
        p.sub_(group["lr"] * self.velocity(g + group["weight_decay"] * p, state, group))

    def velocity(self, g, state, group):
        state["v"] = group["momentum"] * state["v"] + g if "v" in state else g.clone()
        return state["v"]


class Momentum(Optimizer):
    """No options but lr and momentum; its state has torch's name and is changed in place."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.move(p, self.state[p], group)

    def move(self, p, state, group):
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(p)
        state["momentum_buffer"].mul_(group["momentum"]).add_(p.grad)
        p.sub_(group["lr"] * state["momentum_buffer"])
