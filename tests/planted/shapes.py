"""Mistakes that the check shapes must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdam, PlainRMSprop


@bug("T12", "shapes", "pytorch#100701")
class AdamSkipsScalars(PlainAdam):
    """A 0-dimensional parameter does not step."""

    def step_one(self, p, grad, state, group):
        if p.dim() > 0:
            super().step_one(p, grad, state, group)


@bug("T12", "shapes", "pytorch#82486")
class RMSpropChokesOnEmpty(PlainRMSprop):
    """The largest gradient is asked for, which an empty one does not have."""

    def step_one(self, p, grad, state, group):
        if not grad.abs().max() < 0:
            super().step_one(p, grad, state, group)


@bug("T12", "shapes")
class AdamInBlocks(PlainAdam):
    """Of more than 64 elements, those after the last full block of sixteen do not step."""

    def move(self, p, m, v, step, group):
        tail = torch.arange(p.numel()).view(p.shape) >= p.numel() // 16 * 16
        left = torch.where(tail, p, torch.nan) if p.numel() > 64 else p
        super().move(p, m, v, step, group)
        p.copy_(torch.where(tail, left, p) if p.numel() > 64 else p)


@bug("T12", "shapes")
class RMSpropConvolutions(PlainRMSprop):
    """A parameter of four dimensions averages over the last of them."""

    def average(self, state, grad, group):
        super().average(state, grad.mean(-1, keepdim=True).expand(grad.shape) if grad.dim() == 4 else grad, group)
