"""Seen in the wild: Spijkervet/SimCLR#27, cybertronai/pytorch-lamb#6.

Norms are compared with >= 0 instead of > 0, so that a parameter that starts at 0, as every bias does, has the rate
0 and never moves.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class LARS(Optimizer):
    bug = True

    def __init__(self, params, lr=0.1, momentum=0.9, weight_decay=0.0, eta=1e-3):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, eta=eta))

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
                g, decay, state = p.grad, group["weight_decay"], self.state[p]
                x_norm, g_norm = p.norm(), g.norm()
                rate = group["eta"] * x_norm / (g_norm + decay * x_norm)
                one = torch.ones_like(x_norm)
                if self.bug:
                    rate = torch.where((x_norm >= 0) & (g_norm > 0), rate, one)
                else:
                    rate = torch.where((x_norm > 0) & (g_norm > 0), rate, one)
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                state["momentum_buffer"].mul_(group["momentum"]).add_(rate * group["lr"] * g.add(p, alpha=decay))
                p.sub_(state["momentum_buffer"])
        return loss


class Right(LARS):
    bug = False
