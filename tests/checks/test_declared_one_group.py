"""Declared one-group: a second group is refused."""

from __future__ import annotations

import pytest

from twinstep.bench.battery.result import Failed

from .one_check import ALONE, caught, run
from .right_optimizers import MomentumWithDecay

DECLARED = {**ALONE, "declared": frozenset({"one-group"})}


class OneGroup(MomentumWithDecay):
    def add_param_group(self, param_group):
        if self.param_groups:
            raise ValueError("one group")
        super().add_param_group(param_group)


def test_a_refusal_is_as_declared():
    run("declared-one-group", OneGroup, **DECLARED)
    run("constructor", OneGroup, **DECLARED)
    with pytest.raises(Failed, match="group dicts"):
        run("constructor", OneGroup, **ALONE)


def test_a_declaration_that_is_false_is_told():
    caught("declared-one-group", "taken without an error", MomentumWithDecay, **DECLARED)
