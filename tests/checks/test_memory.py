"""State is no larger than the reference's, and nothing grows from step to step."""

from __future__ import annotations

import torch

from .one_check import ALONE, HYPER, caught
from .right_optimizers import Momentum


def test_memory_that_grows_is_caught():
    class Twice(Momentum):
        def move(self, p, state, group):
            state.setdefault("spare", torch.zeros_like(p))
            super().move(p, state, group)

    class History(Momentum):
        def move(self, p, state, group):
            super().move(p, state, group)
            state.setdefault("history", []).append(p.grad.clone())

    class Leaks(Momentum):
        kept = ()

        def move(self, p, state, group):
            super().move(p, state, group)
            self.kept = (*self.kept, p.grad * 2)

    class Graph(Momentum):
        """The buffer of every step keeps the graph of the one before."""

        def move(self, p, state, group):
            with torch.enable_grad():
                factor = torch.ones((), requires_grad=True)
                state["momentum_buffer"] = state.get("momentum_buffer", torch.zeros_like(p)) * factor + p.grad * factor
            p.sub_(group["lr"] * state["momentum_buffer"])

    caught("memory", "8 bytes of state an element; momentum has 4", Twice, cases=HYPER)
    caught("memory", "state of 4096 elements grows", History, **ALONE)
    caught("memory", "still held after step 20", Leaks, **ALONE)
    caught("memory", "still held after step 20", Graph, **ALONE)
