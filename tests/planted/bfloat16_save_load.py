"""Mistakes that the check bfloat16-save-load must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainRMSprop


@bug("T9", "bfloat16-save-load", "pytorch#75224", supports=("bfloat16",))
class RMSpropWideUntilLoaded(PlainRMSprop):
    """Averages of bfloat16 parameters are float32, which torch's own loading casts to bfloat16."""

    def step_one(self, p, grad, state, group):
        wide = p.float()
        super().step_one(wide, grad.float(), state, group)
        p.copy_(wide)
