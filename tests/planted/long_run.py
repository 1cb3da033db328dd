"""Mistakes that the check long-run must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T10", "long-run", "pytorch/ao#4915")
class AdamCountsInABfloat(PlainAdam):
    """The step count is a bfloat16, which sticks at 256."""

    def count(self, state):
        state["step"] = torch.as_tensor(state.get("step", 0.0), dtype=torch.bfloat16) + 1
        return float(state["step"])


@bug("T10", "long-run", "timm#877")
class AdagradCountsInAByte(PlainAdagrad):
    """The step count is a uint8, which wraps at 256."""

    def count(self, state):
        state["step"] = torch.as_tensor(state.get("step", 0), dtype=torch.uint8) + 1
        return int(state["step"])


@bug("T10", "long-run", "kozistr#525")
class RMSpropStartsOver(PlainRMSprop):
    """The average is set to zero every 200 steps."""

    def average(self, state, grad, group):
        super().average(state, grad, group)
        if state["step"] % 200 == 0:
            state["square_avg"].zero_()


@bug("T10", "long-run")
class SGDFades(PlainSGD):
    """After 300 steps the learning rate falls by itself."""

    def step_one(self, p, grad, state, group):
        lr = group["lr"] * min(1.0, 300 / self.count(state))
        super().step_one(p, grad, state, {**group, "lr": lr})
