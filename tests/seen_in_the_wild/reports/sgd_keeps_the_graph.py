"""Seen in the wild: vadam#2.

State is made from gradients that carry a graph (create_graph=True) and is not detached: each step's graph is kept
by the next.
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
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                g = p.grad

                with torch.enable_grad():
                    g = (g if self.bug else g.detach()) + group["weight_decay"] * p.detach()
                    if group["momentum"]:
                        buf = state.get("momentum_buffer")
                        state["momentum_buffer"] = g if buf is None else group["momentum"] * buf + g
                        g = state["momentum_buffer"]
                p.add_(g.detach(), alpha=-lr)

        return loss


class Right(SGD):
    bug = False
