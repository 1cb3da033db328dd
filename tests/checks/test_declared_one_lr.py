"""Declared one-lr: two rates are refused, or one rules all."""

from __future__ import annotations

import pytest

from twinstep.bench.battery.result import Failed

from .one_check import ALONE, caught, run
from .right_optimizers import MomentumWithDecay

DECLARED = {**ALONE, "declared": frozenset({"one-lr"})}


class Refuses(MomentumWithDecay):
    def step(self, closure=None):
        if len({group["lr"] for group in self.param_groups}) > 1:
            raise ValueError("one lr")
        return super().step(closure)


class TakesTheFirst(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, {**group, "lr": self.param_groups[0]["lr"]})


def test_a_refusal_and_the_rate_of_the_first_group_are_as_declared():
    run("declared-one-lr", Refuses, **DECLARED)
    run("declared-one-lr", TakesTheFirst, **DECLARED)
    run("groups", TakesTheFirst, **DECLARED)
    with pytest.raises(Failed, match="lr"):
        run("groups", TakesTheFirst, **ALONE)


def test_a_declaration_that_is_false_is_told():
    caught("declared-one-lr", "steps by it, and the first group by its own", MomentumWithDecay, **DECLARED)
