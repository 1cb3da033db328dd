"""What a machine can resolve: identical code timed against itself, before one trusts a gate on it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...records.rows import ROOT, commit
from .. import config
from ..config import Plan
from ..decide import Rule
from ..history import History
from ..program.run import cells_of
from ..program.times import select, timed_once
from ..report import progress_printer
from ..start import alone
from ..statistics import changes, comparable_times
from ..trees import Checkout, GateError


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a machine does to one benchmark of identical code.

    spread      standard deviation of the processes' medians; worst: the one farthest from 0
    resolves    the slowdown that would be confirmed with 95 % probability, given that spread
    """

    cell: str
    processes: int
    spread: float
    worst: float
    resolves: float


@dataclass(frozen=True, kw_only=True)
class Noise:
    lines: list[Line]
    threshold: float

    @property
    def verdict(self) -> str:
        worst = max(line.resolves for line in self.lines)
        good = worst <= 0.05
        return f"threshold {self.threshold:.0%}: a slowdown of {worst:.1%} is found in every benchmark; " + (
            "this machine can be trusted with a gate"
            if good
            else "fewer neighbours would help, or a larger threshold in [tool.twinstep.gate]"
        )


def noise(cwd: Path, out: Path, *, processes: int, only: Sequence[str] = ()) -> Noise:
    """Times the working tree against itself; its own settings, or those of Twinstep where it has none."""
    own = config.read(cwd)
    settings = own or config.parse({"formulas": True})
    tree = Checkout(root=cwd if own else ROOT, commit=commit(cwd if own else ROOT))
    progress = progress_printer(quiet=False)
    found: dict[str, list[float]] = {}
    with alone():
        history = History(out)
        plan = Plan(base=tree, head=tree, settings=settings)
        cells = select(cells_of(plan), tuple(only))
        for number in range(processes):
            began = time.monotonic()
            for cell, measured, where in timed_once(plan, cells, number):
                found.setdefault(cell.name, []).append(changes(comparable_times(measured))[0])
                history.append(tree.commit, tree.commit, cell, number, measured, where)
            progress(f"process {number + 1} of {processes}, {time.monotonic() - began:.0f} s")
    if not found:
        raise GateError("nothing could be timed: `twinstep gate` says what does not run")
    lines = [_line(name, values, settings.rule) for name, values in found.items()]
    return Noise(lines=lines, threshold=settings.rule.threshold)


def _line(cell: str, changes: list[float], rule: Rule) -> Line:
    spread = statistics.stdev(changes)
    # The median of n numbers spreads 1.25 / sqrt(n) as wide as one; 1.645: one side, 95 %.
    resolves = rule.threshold + 1.645 * 1.25 * spread / rule.confirm**0.5
    return Line(cell=cell, processes=len(changes), spread=spread, worst=max(changes, key=abs), resolves=resolves)
