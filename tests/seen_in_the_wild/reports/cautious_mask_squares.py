"""Seen in the wild: kyleliang919/C-Optim#16.

The mask compares the average with itself instead of with the gradient, in one of two paths: it is 1 nearly
everywhere and the option does nothing.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class CautiousAdamW(Optimizer):
    bug = True

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
                mask = (m * (m if self.bug else g) > 0).to(p.dtype)
                mask.div_(mask.mean().clamp_(min=1e-3))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                root = (v / (1 - beta2**t)).sqrt_().add_(group["eps"])
                p.addcdiv_(m * mask, root, value=-group["lr"] / (1 - beta1**t))
        return loss


class Right(CautiousAdamW):
    bug = False
