"""The loss of a simple objective falls."""

from __future__ import annotations

from .one_check import ALONE, caught
from .right_optimizers import Momentum


def test_an_optimizer_that_goes_uphill_or_nowhere_is_caught():
    class Uphill(Momentum):
        def move(self, p, state, group):
            p.add_(group["lr"] * p.grad)

    class Still(Momentum):
        def move(self, p, state, group):
            pass

    caught("descends", "loss of the quadratic did not fall", Uphill, **ALONE)
    caught("descends", "loss of the quadratic did not fall", Still, **ALONE)
