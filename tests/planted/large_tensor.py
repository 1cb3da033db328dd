"""Mistakes that the check large-tensor must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam


@bug("T12", "large-tensor", "a 16-bit index")
class AdamCountsTo65536(PlainAdam):
    """Elements from the 65,536th on do not step."""

    def move(self, p, m, v, step, group):
        left = p.reshape(-1)[2**16 :].clone()
        super().move(p, m, v, step, group)
        p.view(-1)[2**16 :] = left if len(left) else p.view(-1)[2**16 :]
