"""Seen in the wild: huggingface/pytorch-image-models#2791, ultralytics#25846.

A convolution's weight is flattened to (out, rest) to be made orthogonal, but the scale is read from the last two of
its four dimensions (the kernel): steps are several times too short.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class Muon(Optimizer):
    bug = True

    def __init__(
        self,
        params,
        lr=1e-3,
        weight_decay=0.1,
        momentum=0.95,
        nesterov=True,
        ns_coefficients=(3.4445, -4.775, 2.0315),
        eps=1e-7,
        ns_steps=5,
    ):
        super().__init__(
            params,
            dict(
                lr=lr,
                weight_decay=weight_decay,
                momentum=momentum,
                nesterov=nesterov,
                ns_coefficients=ns_coefficients,
                eps=eps,
                ns_steps=ns_steps,
            ),
        )
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim < 2:
                    raise ValueError("Muon takes matrices and convolutions")

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            a, b, c = group["ns_coefficients"]
            for p in group["params"]:
                if p.grad is None or not p.numel():
                    continue
                state = self.state[p]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                m, g = state["momentum_buffer"], p.grad
                m.lerp_(g, 1 - group["momentum"])
                u = g.lerp(m, group["momentum"]) if group["nesterov"] else m.clone()
                u = u.reshape(len(u), -1)
                tall = u.shape[0] > u.shape[1]
                x = u.T if tall else u
                x = x / x.norm().clamp(min=group["eps"])
                for _ in range(group["ns_steps"]):
                    s = x @ x.T
                    x = a * x + (b * s + c * s @ s) @ x
                x = (x.T if tall else x).to(p.dtype)
                rows, columns = (p.shape[-2], p.shape[-1]) if self.bug else x.shape
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * max(1, rows / columns) ** 0.5 * x.reshape(p.shape))
        return loss


class Right(Muon):
    bug = False
