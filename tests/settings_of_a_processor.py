"""Two classes that are right on this processor, and wrong as one setting of tests/test_other_processors.py has it."""

from __future__ import annotations

import torch


class _Steps(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and not self.wrong():
                    p.sub_(group["lr"] * p.grad)
        return loss


class WrongOnDefault(_Steps):
    """Does nothing with torch's plain kernels."""

    @staticmethod
    def wrong():
        return torch.backends.cpu.get_cpu_capability() == "DEFAULT"


class WrongOnTwo(_Steps):
    """Does nothing where torch has two threads."""

    @staticmethod
    def wrong():
        return torch.get_num_threads() == 2
