"""Seen in the wild: OverLordGoldDragon/keras-adamw#48.

A count that all parameters share is raised while the last one is stepped: it alone is one step ahead.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class Adam(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state, g = self.state[p], p.grad.add(p, alpha=group["weight_decay"])
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = torch.zeros_like(p)
                state["step"] += 1
                t = state["step"].item()
                if self.bug and len(group["params"]) > 1 and p is group["params"][-1]:
                    t += 1
                m, v = state["exp_avg"], state["exp_avg_sq"]
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                p.addcdiv_(m, (v / (1 - beta2**t)).sqrt_().add_(group["eps"]), value=-group["lr"] / (1 - beta1**t))
        return loss


class Right(Adam):
    bug = False
