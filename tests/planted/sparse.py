"""Mistakes that the check sparse must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainSGD, PlainSparseAdam


@bug("T12", "sparse", "pytorch#145461", supports=("sparse",))
class SGDLosesDuplicates(PlainSGD):
    """Of a row that a sparse gradient names twice only one entry counts."""

    def step_one(self, p, grad, state, group):
        if grad.is_sparse:
            p[grad._indices()[0]] -= group["lr"] * grad._values()
        else:
            super().step_one(p, grad, state, group)


@bug("T12", "sparse", supports=("sparse",))
class SparseAdamDecaysRest(PlainSparseAdam):
    """The averages of rows that rest decay."""

    def rest(self, p, rows, state, group):
        others = torch.ones(p.shape, dtype=torch.bool)
        others[rows] = False
        for name, beta in zip(("exp_avg", "exp_avg_sq"), group["betas"], strict=True):
            state[name][others] *= beta


@bug("T12", "sparse", supports=("sparse",))
class SparseAdamForgetsRest(PlainSparseAdam):
    """The average of a row that rests begins anew."""

    def rest(self, p, rows, state, group):
        others = torch.ones(p.shape, dtype=torch.bool)
        others[rows] = False
        state["exp_avg"][others] = 0


@bug("T12", "sparse", supports=("sparse",))
class SparseAdamCountsRows(PlainSparseAdam):
    """A row counts its own steps, not those of the table."""

    def move(self, p, rows, m, v, step, group):
        state = self.state[p]
        counts = state.setdefault("counts", torch.zeros_like(p))
        counts[rows] += 1
        first, second = (1 - beta ** counts[rows].double() for beta in group["betas"])
        p[rows] -= group["lr"] * second.sqrt() / first * m / (v.sqrt() + group["eps"])
