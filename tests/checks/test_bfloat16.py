"""State in bfloat16 counts on."""

from __future__ import annotations

import torch

from .one_check import HYPER, caught, supports
from .right_optimizers import Momentum


def test_a_counter_that_sticks_is_caught():
    class NarrowCount(Momentum):
        def move(self, p, state, group):
            super().move(p, state, group)
            state["count"] = state.get("count", torch.zeros((), dtype=p.dtype)) + 1

    sticks = r"count is 256.0 \(torch.bfloat16\) after 257 steps"
    caught("bfloat16", sticks, NarrowCount, cases=HYPER, **supports("bfloat16"))
