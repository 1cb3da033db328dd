"""Seen in the wild: NVIDIA/apex#766, prodigy-plus-schedule-free#28.

The step reads groups that were remembered at construction; load_state_dict makes new ones, and from then on loaded
hyperparameters and schedulers act on groups that nobody reads.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class SGD(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, momentum=0, weight_decay=0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))
        self._remembered = self.param_groups

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self._remembered if self.bug else self.param_groups:
            lr = group["lr"]
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
