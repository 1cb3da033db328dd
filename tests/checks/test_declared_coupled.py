"""Declared coupled: another order of the parameters is no other step, and something is coupled."""

from __future__ import annotations

import pytest
import torch

from twinstep.bench.battery.result import Failed, NotApplicable

from .one_check import ALONE, caught, run
from .right_optimizers import MomentumWithDecay

DECLARED = {**ALONE, "declared": frozenset({"coupled"})}


class ByTheNorm(MomentumWithDecay):
    """Each gradient is divided by the norm over all."""

    def total(self, norms):
        return torch.stack(norms).norm()

    def step(self, closure=None):
        params = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        self.norm = self.total([p.grad.norm() for p in params]) if params else 1.0
        return super().step(closure)

    def one(self, p, g, state, group):
        super().one(p, g / (self.norm + 1e-3), state, group)


class ByTheFirstNorm(ByTheNorm):
    def total(self, norms):
        return norms[0]


def test_a_norm_over_all_is_coupled():
    run("declared-coupled", ByTheNorm, **DECLARED)


def test_the_norm_of_the_first_parameter_depends_on_the_order():
    caught("declared-coupled", "in another order go another way", ByTheFirstNorm, **DECLARED)


def test_a_declaration_that_is_false_is_told():
    caught("declared-coupled", "steps as in an optimizer of its own", MomentumWithDecay, **DECLARED)


def test_what_a_missing_gradient_does_to_that_parameter_is_judged_all_the_same():
    with pytest.raises(Failed, match=r"differ|does not go"):
        run("none-gradients", ByTheNorm, **ALONE)
    run("none-gradients", ByTheNorm, **DECLARED)


@pytest.mark.parametrize("check", ["groups", "late-start", "added-group", "frozen", "mixed-dtypes"])
def test_what_assumes_the_opposite_does_not_apply(check):
    if check != "mixed-dtypes":
        with pytest.raises(Failed, match=r"differ|does not go"):
            run(check, ByTheNorm, **ALONE)
    with pytest.raises(NotApplicable, match="declared coupled"):
        run(check, ByTheNorm, **DECLARED)
