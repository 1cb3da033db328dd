"""Gradients of zeros move nothing, and give no NaN."""

from __future__ import annotations

from .one_check import ALONE, caught
from .right_optimizers import Momentum


def test_what_zero_gradients_must_not_do_is_caught():
    class NoEps(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad / p.grad.abs())

    class Drifts(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * (p.grad + 1e-3))

    caught("zero-gradients", r"p0.param\[0\] is nan after 3 steps of zero gradients", NoEps, **ALONE)
    caught("zero-gradients", "moved without weight decay", Drifts, **ALONE)
