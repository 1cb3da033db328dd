"""The reference goes on from the state of the subject, and the other way round."""

from __future__ import annotations

import pytest
import torch

from twinstep.bench.battery.result import NotApplicable
from twinstep.reference import torch_paths
from twinstep.scratch_impls import load

from .one_check import HYPER, caught, run
from .right_optimizers import Momentum


def test_state_that_the_reference_cannot_continue_is_caught():
    class Hidden(Momentum):
        """A second average that no dict carries, filled from the saved one when it is absent, scaled wrongly."""

        def load_state_dict(self, state_dict):
            super().load_state_dict(state_dict)
            for state in self.state.values():
                state["momentum_buffer"] = state["momentum_buffer"] * 0.9

    caught("state-exchange", "state of step 5 loaded by the subject", Hidden, cases=HYPER)


def test_state_under_other_names_is_not_judged():
    class Renamed(Momentum):
        def move(self, p, state, group):
            inner = {"momentum_buffer": state.get("v", torch.zeros_like(p))}
            super().move(p, inner, group)
            state["v"] = inner["momentum_buffer"]

    with pytest.raises(NotApplicable, match="different names"):
        run("state-exchange", Renamed, cases=HYPER)


def test_state_is_exchanged_between_ours_and_theirs():
    run("state-exchange", Momentum, cases=HYPER)
    run("state-exchange", torch_paths.twin("Adam"), spec=load("adam"))
