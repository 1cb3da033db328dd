"""Sparse gradients step as dense ones do, or what they touch alone."""

from __future__ import annotations

import pytest
import torch

from twinstep.bench.battery.context import Against
from twinstep.bench.battery.result import NotApplicable
from twinstep.reference import torch_paths
from twinstep.scratch_impls.spec import case

from .one_check import ALONE, HYPER, caught, run, supports
from .right_optimizers import Momentum


def test_sparse_gradients_are_judged():
    class Last(Momentum):
        """Of two gradients for one row it takes the last."""

        def move(self, p, state, group):
            if p.grad.is_sparse:
                p[p.grad._indices()[0]] -= group["lr"] * p.grad._values()
            else:
                p.sub_(group["lr"] * p.grad)

    class Refuses(Momentum):
        def move(self, p, state, group):
            if p.grad.is_sparse:
                raise RuntimeError("no sparse gradients")
            super().move(p, state, group)

    caught("sparse", "sparse gradients, against dense ones: .*rows 1 and 4", Last, **ALONE, **supports("sparse"))
    caught("sparse", "declared, and refused: RuntimeError: no sparse", Refuses, **ALONE, **supports("sparse"))
    with pytest.raises(NotApplicable, match="as momentum does"):
        run("sparse", Refuses, cases=HYPER, **supports("sparse"))
    run("sparse", torch_paths.twin("Adagrad"), cases=(case("default", "all"),), **supports("sparse"))


class Lazy(Momentum):
    """A rule of rows, with nothing to hold it against: the averages of a row that rests, rest."""

    def move(self, p, state, group):
        if not p.grad.is_sparse:
            super().move(p, state, group)
            return
        buf = state.setdefault("momentum_buffer", torch.zeros_like(p))
        grad = p.grad.coalesce()
        rows = grad.indices()[0]
        buf[rows] = group["momentum"] * buf[rows] + grad.values()
        p[rows] -= group["lr"] * buf[rows]
        self.rest(p, rows, buf, group)

    def rest(self, p, rows, buf, group):
        pass


def test_a_lazy_rule_is_judged_alone():
    class Creeps(Lazy):
        """Rows that rest move by a hundredth of their average."""

        def rest(self, p, rows, buf, group):
            others = torch.ones(len(p), dtype=torch.bool)
            others[rows] = False
            p[others] -= 0.01 * group["lr"] * buf[others]

    run("sparse", Lazy, **ALONE, **supports("sparse"))
    caught("sparse", "step 3, .*neither as with dense ones nor at rest", Creeps, **ALONE, **supports("sparse"))


def test_control_only_a_reference_tells_how_a_row_comes_back():
    """torch's SGD goes on with the momentum of rows that rest."""
    against = Against(label="SGD", make=torch_paths.twin("SGD"))
    caught("sparse", "step 3, .*against the reference", Lazy, against, HYPER, **supports("sparse"))
    run("sparse", torch_paths.twin("SGD"), against, HYPER, **supports("sparse"))
