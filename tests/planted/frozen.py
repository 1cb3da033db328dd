"""Mistakes that the check frozen must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam, PlainAdamW


@bug("T7", "frozen")
class AdamWDecaysTheFrozen(PlainAdamW):
    """Parameters without a gradient decay too."""

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is None:
                p.mul_(1 - group["lr"] * group["weight_decay"])
        super().step_group(group)


@bug("T7", "frozen")
class AdamStaysFrozen(PlainAdam):
    """What is frozen when it is given never steps."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        frozen = [p for p in self.param_groups[-1]["params"] if not p.requires_grad]
        self.frozen = [*getattr(self, "frozen", []), *frozen]

    def step_one(self, p, grad, state, group):
        if not any(p is other for other in getattr(self, "frozen", [])):
            super().step_one(p, grad, state, group)
