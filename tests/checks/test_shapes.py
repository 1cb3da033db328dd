"""Scalars, empty parameters and square matrices step as all others."""

from __future__ import annotations

from twinstep.bench.adapter import as_optimizer
from twinstep.bench.battery.judge import check_optimizer
from twinstep.scratch_impls import load

from .one_check import ALONE, caught
from .right_optimizers import Momentum


class TurnsSquares(as_optimizer("muon")):
    """Muon, whose orthogonal matrix is transposed once more where it has as many rows as columns."""

    @staticmethod
    def update(param, grad, state, step, **hyper):
        moved, new = load("muon").update(param, grad, state, step, **hyper)
        if param.shape[0] == param.shape[1]:
            rest = (1 - hyper["lr"] * hyper["weight_decay"]) * param
            moved = rest + (moved - rest).T
        return moved, new


def test_square_matrices_are_held_against_the_reference():
    chosen = ("step-moves", "groups", "one-step", "many-steps", "shapes", "strides")
    report = check_optimizer(TurnsSquares, "muon", checks=chosen, quick=True)
    failed = {r.check: r.message for r in report.results if r.status == "failed"}
    assert list(failed) == ["shapes"] and "(p4.param[1]" in failed["shapes"], failed


def test_shapes_that_are_not_foreseen_are_caught():
    class NoScalars(Momentum):
        def move(self, p, state, group):
            p[0] -= group["lr"] * p.grad[0]
            p[1:] -= group["lr"] * p.grad[1:]

    class OnePerEmpty(Momentum):
        """Its mean over an empty parameter is NaN and spreads to the next one."""

        scale = 1.0

        def move(self, p, state, group):
            self.scale = p.grad.mean() * 0 + self.scale
            p.sub_(group["lr"] * self.scale * p.grad)

    caught("shapes", "0-dimensional parameter, step 1: IndexError", NoScalars, **ALONE)
    caught("shapes", r"empty of the ordinary parameter beside it.*nan", OnePerEmpty, **ALONE)
