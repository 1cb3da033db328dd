"""Seen in the wild: huggingface/pytorch-image-models#2792, pytorch#68733.

An option is new, and a checkpoint from before it lacks the key in its groups: the first step after loading raises
KeyError.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class Adam(Optimizer):
    bug = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad))

    def __setstate__(self, state):
        super().__setstate__(state)
        if not self.bug:
            for group in self.param_groups:
                group.setdefault("amsgrad", False)

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
                g = g.add(p, alpha=group["weight_decay"])
                m, v = state["exp_avg"], state["exp_avg_sq"]
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                if group["amsgrad"]:
                    if "max_exp_avg_sq" not in state:
                        state["max_exp_avg_sq"] = torch.zeros_like(p)
                    v = torch.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
                p.addcdiv_(m, (v / (1 - beta2**t)).sqrt_().add_(group["eps"]), value=-lr / (1 - beta1**t))

        return loss


class Right(Adam):
    bug = False
