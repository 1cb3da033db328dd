"""A learning rate may be a tensor, which is read at every step and never changed."""

from __future__ import annotations

import torch

from .one_check import ALONE, caught, supports
from .right_optimizers import Momentum


def test_tensor_learning_rates_are_judged():
    class Halves(Momentum):
        def move(self, p, state, group):
            super().move(p, state, group)
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].mul_(0.99)

    class Frozen(Momentum):
        def __init__(self, params, lr=0.1, momentum=0.9):
            super().__init__(params, float(lr), momentum)

    caught("tensor-lr", "0-dimensional lr after 8 steps", Halves, **ALONE, **supports("tensor-lr"))
    caught("tensor-lr", "0-dimensional lr, halved in place", Frozen, **ALONE, **supports("tensor-lr"))
