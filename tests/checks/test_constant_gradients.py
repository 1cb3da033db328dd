"""One gradient over and over stays finite."""

from __future__ import annotations

import torch

from .one_check import ALONE, caught
from .right_optimizers import Momentum


def test_a_difference_that_cancels_to_nan_is_caught():
    class Centered(Momentum):
        def move(self, p, state, group):
            m, v = (state.setdefault(name, torch.zeros_like(p)) for name in ("m", "v"))
            m.mul_(0.9).add_(p.grad, alpha=0.1)
            v.mul_(0.9).addcmul_(p.grad, p.grad, value=0.1)
            p.sub_(group["lr"] * p.grad / ((v - m * m).sqrt() + 1e-8))

    caught("constant-gradients", "is nan after 200 steps of one gradient", Centered, **ALONE)
