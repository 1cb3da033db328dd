"""NaN and infinity in one element stay there."""

from __future__ import annotations

import pytest
import torch

from twinstep.bench.battery.result import NotApplicable

from .one_check import ALONE, HYPER, caught, run
from .right_optimizers import Momentum


class Clips(Momentum):
    def move(self, p, state, group):
        p.sub_(group["lr"] * p.grad / p.grad.norm().clamp(min=1.0))


def test_nan_that_spreads_or_is_swallowed_is_caught():
    class Swallows(Momentum):
        def move(self, p, state, group):
            p.grad = torch.nan_to_num(p.grad)
            super().move(p, state, group)

    class CouplesNan(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad + 0 * p.grad.sum())

    caught("special-gradients", r"nan in p0\[1\] at step 2 changed p0\[0\] to nan", Clips, cases=HYPER)
    caught("special-gradients", r"nan in p0\[1\] at step 2 changed p0\[0\] to nan", CouplesNan, **ALONE)
    caught(
        "special-gradients", r"nan in p0\[1\] at step 2 makes p0\[1\] [-\d.]+; in the reference", Swallows, cases=HYPER
    )


def test_what_couples_elements_by_its_rule_is_not_judged():
    with pytest.raises(NotApplicable, match="couples elements"):
        run("special-gradients", Clips, **ALONE)
