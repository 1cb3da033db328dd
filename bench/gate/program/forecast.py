"""How long a gate will take: said before it starts and, while it judges, what is left."""

from __future__ import annotations

import math
import time

from .... import scratch_impls
from ...speed.contest import representatives
from ..config import Plan
from ..subjects import TIMED_SHAPES

# Seconds of an AMD EPYC's work, of a gate over all formulas: 65 s for seventeen optimizers, 33 s for each process that
# times 42 benchmarks, 5 s of it to load torch and the trees.
JUDGE_S, TIME_S, START_S = 4.0, 0.7, 5.0


class Forecast:
    """What a plan holds, and how far its agreement is."""

    def __init__(self, plan: Plan, *, workers: int) -> None:
        self.workers, self._began, self._done = workers, time.monotonic(), 0
        cells = _cells(plan)
        wanted = [name for name, own in cells.items() if not plan.only or any(c.startswith(plan.only) for c in own)]
        own = [name for name in plan.settings.benchmarks if not plan.only or name.startswith(plan.only)]
        timed = [c for own in cells.values() for c in own if not plan.only or c.startswith(plan.only)]
        self._judged = len(wanted)
        self._timed = (len(timed) + len(own)) if "time" in plan.parts else 0
        self._rule = plan.settings.rule

    @property
    def first_line(self) -> str:
        process = START_S + TIME_S * self._timed if self._timed else 0.0
        judging = START_S + JUDGE_S * self._judged / self.workers
        usual, most = (judging + n * process for n in (self._rule.clear_pass, 2 * self._rule.extended))
        return (
            f"optimizers to judge: {self._judged} in {self.workers} processes; benchmarks to time: {self._timed}; "
            f"about {_minutes(usual)} where nothing is slower, {_minutes(most)} at most; longer beside other work"
        )

    def judged(self, name: str, checks: tuple[int, int] | None) -> str:
        """A line for an optimizer that was judged; the first take longest, so what is left is less than it says."""
        self._done += 1
        left = (time.monotonic() - self._began) / self._done * max(0, self._judged - self._done)
        return f"agreement: {name}: {checks[0] if checks else 0} checks; at most {left:.0f} s left of agreement"


def _cells(plan: Plan) -> dict[str, list[str]]:
    """Optimizer -> names of its cells, as far as this program knows them without loading a tree."""
    names = {entry.optimizer: ["default"] for entry in plan.settings.optimizers}
    if plan.settings.formulas:
        names |= {spec.name: [case.name for case in representatives(spec)] for spec in scratch_impls.all_specs()}
    return {
        name: [f"{name}/{case} {shape}" for case in cases for shape in TIMED_SHAPES] for name, cases in names.items()
    }


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(10 * math.ceil(seconds / 10), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
