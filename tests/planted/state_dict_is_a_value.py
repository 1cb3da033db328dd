"""Mistakes that the check state-dict-is-a-value must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T9", "state-dict-is-a-value")
class SGDSavesTheParameter(PlainSGD):
    """The state holds the parameter itself."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        state["param"] = p
