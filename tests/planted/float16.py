"""Mistakes that the check float16 must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainRMSprop


@bug("T13", "float16", supports=("float16",))
class RMSpropSquaresInHalf(PlainRMSprop):
    """In float16 the square is rounded with three bits less."""

    def average(self, state, grad, group):
        if grad.dtype == torch.float16:
            grad = grad.to(torch.float8_e5m2).to(grad.dtype)
        super().average(state, grad, group)
