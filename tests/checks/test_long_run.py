"""A thousand steps stay with the reference."""

from __future__ import annotations

from .one_check import HYPER, caught
from .right_optimizers import Momentum


def test_long_runs_that_go_wrong_are_caught():
    class Drifts(Momentum):
        def move(self, p, state, group):
            super().move(p, state, {**group, "lr": group["lr"] * 1.001})

    class Stops(Momentum):
        """After 500 steps the lr is halved, as by a count that wrapped."""

        def move(self, p, state, group):
            state["step"] = state.get("step", 0) + 1
            super().move(p, state, {**group, "lr": group["lr"] / (1 + (state["step"] > 500))})

    caught("long-run", r"step \d+: gap .*param", Drifts, cases=HYPER)
    caught("long-run", "step 1000 moved", Stops, cases=HYPER)
