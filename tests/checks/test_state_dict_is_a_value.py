"""Asking for a state_dict changes nothing, and it holds values alone."""

from __future__ import annotations

from .one_check import ALONE, caught
from .right_optimizers import Momentum


def test_a_state_dict_with_a_side_effect_is_caught():
    class Rounds(Momentum):
        def state_dict(self):
            for state in self.state.values():
                state["momentum_buffer"].mul_(0.5)
            return super().state_dict()

    class Bare(Momentum):
        def state_dict(self):
            return dict(enumerate(self.state.values()))

    class Refers(Momentum):
        def state_dict(self):
            return {**super().state_dict(), "params": list(self.param_groups[0]["params"])}

    caught("state-dict-is-a-value", "momentum_buffer", Rounds, **ALONE)
    caught("state-dict-is-a-value", "must have state and param_groups", Bare, **ALONE)
    caught("state-dict-is-a-value", "is a parameter", Refers, **ALONE)
