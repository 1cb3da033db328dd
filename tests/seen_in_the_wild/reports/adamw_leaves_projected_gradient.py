"""Seen in the wild: unslothai/unsloth#10878.

After a step p.grad is the projected gradient, of another shape. (Here: its first row.)
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class AdamW(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr = group["lr"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                g = p.grad

                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = torch.zeros_like(p)

                beta1, beta2 = group["betas"]
                state["step"] += 1
                t = state["step"].item()
                p.mul_(1 - lr * group["weight_decay"])
                m, v = state["exp_avg"], state["exp_avg_sq"]
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                p.addcdiv_(m, (v / (1 - beta2**t)).sqrt_().add_(group["eps"]), value=-lr / (1 - beta1**t))
                if self.bug and p.ndim == 2 and len(p):
                    p.grad.data = g[:1].clone()

        return loss


class Right(AdamW):
    bug = False
