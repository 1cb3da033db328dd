"""An eps that float16 rounds to 0 divides by 0 at a gradient of zeros."""

from __future__ import annotations

from .one_check import ALONE, HYPER, caught, run, supports
from .right_optimizers import Momentum


def test_an_eps_that_underflows_is_caught():
    class TinyEps(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad / (p.grad.abs() + 1e-8))

    caught("float16-zero-gradients", "is nan after 3 steps", TinyEps, cases=HYPER, **supports("float16"))
    assert run("zero-gradients", TinyEps, **ALONE) is None, "in float32 that eps is not 0"
