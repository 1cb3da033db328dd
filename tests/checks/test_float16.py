"""One step in float16 stays within the rounding of the format."""

from __future__ import annotations

import torch

from .one_check import HYPER, caught, supports
from .right_optimizers import Momentum


def test_coarser_rounding_than_the_format_is_caught():
    class Coarse(Momentum):
        """Rounds the gradient to four bits."""

        def move(self, p, state, group):
            p.grad = torch.ldexp((torch.frexp(p.grad)[0] * 16).round() / 16, torch.frexp(p.grad)[1])
            super().move(p, state, group)

    caught("float16", r"step 1: gap .*state is held in torch.float16", Coarse, cases=HYPER, **supports("float16"))
