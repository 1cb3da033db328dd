"""Mistakes that the check bfloat16 must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainSGD


@bug("T13", "bfloat16", "pytorch#96106", supports=("bfloat16",))
class SGDRoundsTwice(PlainSGD):
    """The step is rounded to bfloat16 with three bits less."""

    def step_one(self, p, grad, state, group):
        if p.dtype == torch.bfloat16:
            grad = grad.to(torch.float8_e5m2).to(p.dtype)
        super().step_one(p, grad, state, group)
