"""Seen in the wild: Nerogar/OneTrainer#994.

With bfloat16 the result is rounded stochastically and then overwritten by the nearest: the option does nothing.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


def rounded(x):
    bits = x.contiguous().view(torch.int32)
    noise = torch.randint_like(bits, 0, 1 << 16)
    return ((bits + noise) & -65536).view(torch.float32).to(torch.bfloat16)


class SGD(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, weight_decay=0, stochastic_rounding=False):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, stochastic_rounding=stochastic_rounding))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                wide = torch.float64 if p.dtype == torch.float64 else torch.float32
                x = p.to(wide)
                x = x - group["lr"] * (p.grad.to(wide) + group["weight_decay"] * x)
                if group["stochastic_rounding"] and p.dtype == torch.bfloat16:
                    p.copy_(rounded(x))
                    if not self.bug:
                        continue
                p.copy_(x)
        return loss


class Right(SGD):
    bug = False
