"""State is its owner's business where the parameters agree; state that is a result is judged as they are."""

from __future__ import annotations

import pytest
import torch
from checks.one_check import verdict
from checks.right_optimizers import MomentumWithDecay

AGREEMENT = ("one-step", "many-steps", "tiny-gradients", "late-parameters")


class Doubled(MomentumWithDecay):
    """Keeps twice the velocity under torch's name for it, and steps by half of it."""

    share = 0.5

    def velocity(self, g, state, group):
        kept = state.get("momentum_buffer")
        state["momentum_buffer"] = 2 * g if kept is None else group["momentum"] * kept + 2 * g
        return self.share * state["momentum_buffer"]


@pytest.mark.parametrize("name", AGREEMENT)
def test_state_of_another_scale_is_no_fault_where_the_parameters_agree(name):
    found = verdict(Doubled, name, torch.optim.SGD, quick=True)
    assert found.status == "passed", str(found)


@pytest.mark.parametrize("name", AGREEMENT)
def test_control_state_of_another_scale_that_moves_parameters_is_a_fault(name):
    found = verdict(type("Wrong", (Doubled,), {"share": 0.49}), name, torch.optim.SGD, quick=True)
    assert found.status == "failed" and ".param[" in found.message, str(found)


class ForgetsItsAverage(torch.optim.ASGD):
    """Steps rightly; the average, for which it is taken, is the parameter itself."""

    def step(self, closure=None):
        loss = super().step(closure)
        for p, state in self.state.items():
            state["ax"].copy_(p.detach())
        return loss


def test_state_that_is_a_result_is_judged_as_the_parameters_are():
    found = verdict(ForgetsItsAverage, "many-steps", torch.optim.ASGD, dtypes=["float32"])
    assert found.status == "failed" and ".ax" in found.message, str(found)
