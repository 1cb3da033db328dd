"""Seen in the wild: pytorch#143828.

One empty group, as sharding and filters by name leave it, breaks the step.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class SGD(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, momentum=0, weight_decay=0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr = group["lr"]
            if not self.bug and not group["params"]:
                continue
            group["params"][0].dtype if self.bug else None
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                g = p.grad

                g = g.add(p, alpha=group["weight_decay"])
                if group["momentum"]:
                    if "momentum_buffer" not in state:
                        state["momentum_buffer"] = g.clone()
                    else:
                        state["momentum_buffer"].mul_(group["momentum"]).add_(g)
                    g = state["momentum_buffer"]
                p.add_(g, alpha=-lr)

        return loss


class Right(SGD):
    bug = False
