"""A check that does not apply, or that needs an ability nobody declared, says so and why: it is no silent pass."""

from __future__ import annotations

import pytest
import torch
from checks.one_check import HYPER, run
from checks.right_optimizers import Momentum

from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.context import SUPPORTS, context_for
from twinstep.bench.battery.judge import run_check
from twinstep.bench.battery.result import NotDeclared


class StepsAlone:
    """Neither groups, nor state, nor hooks: no class of torch's, and nothing but a step."""

    def __init__(self, params, lr=0.1):
        self.params, self.lr = list(params), lr
        self.params = [p for g in self.params for p in (g["params"] if isinstance(g, dict) else [g])]

    @torch.no_grad()
    def step(self, closure=None):
        for p in self.params:
            if p.grad is not None:
                p.sub_(self.lr * p.grad)


def test_what_does_not_apply_says_why():
    context = context_for(StepsAlone, quick=True)
    found = {name: run_check(check, context) for name, check in CHECKS.items()}
    told = {name: result.message for name, result in found.items() if result.status == "not applicable"}
    assert set(told) >= {"hooks", "defaults", "maximize", "learning-rate-change", "scheduler", "added-group"}
    assert all(told.values()), told
    assert "does not inherit" in told["hooks"]


@pytest.mark.parametrize("ability", SUPPORTS)
def test_what_is_not_declared_is_said_to_be_so(ability):
    name = {"complex": "complex-numbers"}.get(ability, ability)
    with pytest.raises(NotDeclared, match=f"--supports {ability}"):
        run(name, Momentum, cases=HYPER)
