"""Seen in the wild: kozistr/pytorch_optimizer#346.

ADOPT divides by the second moment of this step instead of the one before.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class ADOPT(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.9999), eps=1e-6, weight_decay=0.0):
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
                state = self.state[p]
                g = p.grad.add(p, alpha=group["weight_decay"])
                if not state:
                    state["step"] = torch.tensor(1.0)
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = g * g
                    continue
                m, v = state["exp_avg"], state["exp_avg_sq"]
                clip = state["step"].item() ** 0.25
                state["step"] += 1
                if self.bug:
                    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                m.lerp_((g / v.sqrt().clamp_(min=group["eps"])).clamp_(-clip, clip), 1 - beta1)
                p.add_(m, alpha=-group["lr"])
                if not self.bug:
                    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        return loss


class Right(ADOPT):
    bug = False
