"""A complex parameter steps as its real and imaginary parts."""

from __future__ import annotations

from twinstep.reference import torch_paths
from twinstep.scratch_impls.spec import case

from .one_check import ALONE, caught, run, supports
from .right_optimizers import Momentum


def test_complex_parameters_are_judged():
    class Squares(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad / ((p.grad * p.grad.conj()).sqrt() + 1e-8))

    caught("complex-numbers", "against view_as_real", Squares, **ALONE, **supports("complex"))
    run("complex-numbers", torch_paths.twin("Adam"), cases=(case("default", "all"),), **supports("complex"))
