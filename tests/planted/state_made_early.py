"""Mistakes that the check state-made-early must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainRMSprop


@bug("T9", "state-made-early", "Megatron-LM#5974", cause="the step that makes the state counts as a step")
class RMSpropStartsWithHalf(PlainRMSprop):
    """A parameter's average begins with a half of its first squared gradient, of whatever step that is."""

    def step_one(self, p, grad, state, group):
        first = "begun" not in state
        state["begun"] = True
        super().step_one(p, grad, state, {**group, "alpha": 0.5} if first else group)
