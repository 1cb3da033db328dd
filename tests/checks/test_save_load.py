"""State that is saved comes back, and nothing but state is needed to go on."""

from __future__ import annotations

from .one_check import ALONE, caught
from .right_optimizers import Momentum


class Drops(Momentum):
    def state_dict(self):
        return {**super().state_dict(), "state": {}}


class OwnCount(Momentum):
    """A warm-up counter outside the state."""

    count = 0

    def move(self, p, state, group):
        self.count += 1
        super().move(p, state, {**group, "lr": group["lr"] / self.count})


class KeepsLr(Momentum):
    """Reads lr once, in the constructor."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, lr, momentum)
        self.lr = lr

    def move(self, p, state, group):
        super().move(p, state, {**group, "lr": self.lr})


class Holds:
    """Not a plain value."""


class Unsafe(Momentum):
    def move(self, p, state, group):
        super().move(p, state, group)
        state["helper"] = state.get("helper") or Holds()


def test_state_that_is_not_saved_is_caught():
    caught("save-load", "state after loading: p0.momentum_buffer is missing", Drops, **ALONE)
    caught("save-load", r"step 6, saved and loaded after step 5.*p0.param\[0\]", OwnCount, **ALONE)
    caught("save-load", r"step 6.*p0.param\[0\] is", KeepsLr, **ALONE)
    caught("save-load", "weights_only=True", Unsafe, **ALONE)
