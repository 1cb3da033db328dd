"""Mistakes that the check tensor-lr must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainSGD


@bug("T8", "tensor-lr", "a decay schedule inside the optimizer", supports=("tensor-lr",))
class SGDScalesTheRate(PlainSGD):
    """A learning rate that is a tensor is changed in place."""

    def step_group(self, group):
        super().step_group(group)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].mul_(0.999)
