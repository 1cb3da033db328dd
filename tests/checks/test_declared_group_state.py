"""Declared group-state: a group keeps its own, and keeps something."""

from __future__ import annotations

import pytest

from twinstep.bench.battery.result import Failed

from .one_check import ALONE, caught, run
from .right_optimizers import MomentumWithDecay

DECLARED = {**ALONE, "declared": frozenset({"group-state"})}


class CountOfTheGroup(MomentumWithDecay):
    """The rate falls with the steps of the group."""

    def holder(self, group):
        return group

    def step(self, closure=None):
        for kept in {id(self.holder(group)): self.holder(group) for group in self.param_groups}.values():
            kept["count"] = kept.get("count", 0) + 1
        return super().step(closure)

    def one(self, p, g, state, group):
        super().one(p, g / self.holder(group)["count"], state, group)


class CountOfAll(CountOfTheGroup):
    def holder(self, group):
        return self.__dict__.setdefault("all", {})


def test_a_count_of_the_group_is_its_own():
    run("declared-group-state", CountOfTheGroup, **DECLARED)
    with pytest.raises(Failed, match="differs from one in an optimizer of its own"):
        run("late-start", CountOfTheGroup, **ALONE)


def test_a_count_of_all_is_caught():
    caught("declared-group-state", "does not go as one in an optimizer", CountOfAll, **DECLARED)


def test_a_declaration_that_is_false_is_told():
    caught("declared-group-state", "goes as in an optimizer of its own", MomentumWithDecay, **DECLARED)
