"""Mistakes that the check late-parameters must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam


@bug("T7", "late-parameters")
class AdamLateCount(PlainAdam):
    """The bias correction counts the optimizer's steps, not the parameter's."""

    def step_group(self, group):
        group["t"] = group.get("t", 0) + 1
        super().step_group(group)

    def move(self, p, m, v, step, group):
        super().move(p, m, v, group["t"], group)
