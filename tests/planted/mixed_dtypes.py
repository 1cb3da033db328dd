"""Mistakes that the check mixed-dtypes must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainRMSprop


@bug("T12", "mixed-dtypes")
class RMSpropOneDtype(PlainRMSprop):
    """Parameters of another dtype than the first are passed over."""

    def step_one(self, p, grad, state, group):
        if p.dtype == self.param_groups[0]["params"][0].dtype:
            super().step_one(p, grad, state, group)
