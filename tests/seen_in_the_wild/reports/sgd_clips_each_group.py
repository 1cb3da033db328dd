"""Seen in the wild: huggingface/transformers#581, #614.

Clipping by the global norm that is taken parameter by parameter.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class SGD(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, momentum=0, weight_decay=0, max_norm=1.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, max_norm=max_norm))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr = group["lr"]
            norms = [q.grad.norm() for h in self.param_groups for q in h["params"] if q.grad is not None]
            norm = torch.stack([n.double() for n in norms]).norm() if norms else None
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                g = p.grad

                if self.bug:
                    norm = g.norm()
                g = g * (group["max_norm"] / (norm + 1e-6)).clamp(max=1.0).to(g.dtype)
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
