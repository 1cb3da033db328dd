"""Somebody's RMSprop with one mistake, eps inside the root: README's example of a failure. It needs torch alone."""

from __future__ import annotations

import torch


class TheirRMSprop(torch.optim.RMSprop):
    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, maximize=False
    ):  # fmt: skip
        super().__init__(params, lr, alpha, eps, weight_decay, momentum, centered, maximize=maximize)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.one(p, group, self.state[p])
        return loss

    def one(self, p, group, state):
        g = -p.grad if group["maximize"] else p.grad
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if not state:
            names = ["square_avg", *["grad_avg"] * group["centered"], *["momentum_buffer"] * (group["momentum"] > 0)]
            state.update({name: torch.zeros_like(p) for name in names}, step=torch.tensor(0.0))
        state["step"] += 1
        v = state["square_avg"].mul_(group["alpha"]).addcmul_(g, g, value=1 - group["alpha"])
        if group["centered"]:
            m = state["grad_avg"].lerp_(g, 1 - group["alpha"])
            v = v - m * m
        g = g / (v + group["eps"]).sqrt()
        if group["momentum"]:
            g = state["momentum_buffer"].mul_(group["momentum"]).add_(g)
        p.sub_(group["lr"] * g)
