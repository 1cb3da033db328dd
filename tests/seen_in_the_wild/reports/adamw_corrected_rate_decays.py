"""Seen in the wild: oneflow#5960.

The bias correction is folded into lr, and decay is scaled by that lr as well.
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
                rate = lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
                decay = (rate if self.bug else lr) * group["weight_decay"]
                p.mul_(1 - decay)
                m, v = state["exp_avg"], state["exp_avg_sq"]
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                p.addcdiv_(m, v.sqrt().add_(group["eps"] * (1 - beta2**t) ** 0.5), value=-rate)

        return loss


class Right(AdamW):
    bug = False
