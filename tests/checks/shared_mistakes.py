"""Mistakes that several checks see, each in its own words."""

from __future__ import annotations

from .right_optimizers import MomentumWithDecay


class KeepsLr(MomentumWithDecay):
    """Reads lr once, in the constructor."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)
        self.lr = lr

    def one(self, p, g, state, group):
        super().one(p, g, state, {**group, "lr": self.lr})


class OneCounter(MomentumWithDecay):
    """Counts the steps of the optimizer, where each parameter needs a count of its own."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        return super().step(closure)

    def velocity(self, g, state, group):
        return super().velocity(g, state, group) / (1 - 0.5**self.count)


class SignAfterDecay(MomentumWithDecay):
    """With maximize, it turns the decay with the gradient."""

    def one(self, p, g, state, group):
        sign = -1 if group["maximize"] else 1
        p.sub_(group["lr"] * self.velocity(sign * (g + group["weight_decay"] * p), state, group))
