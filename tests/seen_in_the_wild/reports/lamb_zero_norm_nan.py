"""Seen in the wild: stockeh/mlx-optimizers#36.

No guard where a norm is 0: 0 / 0 makes a parameter NaN for good.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class Lamb(Optimizer):
    bug = False
    guarded = False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
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
                g, state = p.grad, self.state[p]
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = torch.zeros_like(p)
                state["step"] += 1
                t = state["step"].item()
                m, v = state["exp_avg"], state["exp_avg_sq"]
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                u = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt_() + group["eps"])
                u = u + group["weight_decay"] * p
                x_norm, u_norm = p.norm(), u.norm()
                if self.bug:
                    x_norm = x_norm.clamp(0, 10)
                ratio = x_norm / u_norm
                if self.guarded:
                    ratio = torch.where((x_norm > 0) & (u_norm > 0), ratio, torch.ones_like(ratio))
                p.sub_(group["lr"] * ratio * u)
        return loss


class Right(Lamb):
    guarded = True
