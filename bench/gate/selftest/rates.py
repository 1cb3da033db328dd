"""The decisions of the self-test, row by row, and how often each kind was red."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ...records import journal
from ...records.rows import ROOT, commit, environment
from ...report.terminal import console
from ..config import Settings
from ..decide import INCONCLUSIVE, REGRESSION
from ..history import MACHINE

IDENTICAL, BUG = "identical", "bug"
# What is required of the gate; a machine contradicts it when the whole interval lies on the wrong side.
REQUIRED = {IDENTICAL: 0.0, "+5 %": 0.95, "+10 %": 0.99, BUG: 1.0}


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Red decisions of one kind on this machine.

    low, high   the exact (Clopper-Pearson) interval of 95 % of the rate of red ones
    """

    kind: str
    decisions: int
    red: int
    inconclusive: int
    change: float | None
    low: float
    high: float

    @property
    def contradicts(self) -> bool:
        if self.kind == IDENTICAL:
            return self.red > 0
        if self.kind == BUG:
            return self.red < self.decisions
        return self.decisions > 0 and self.high < REQUIRED[self.kind]


def rows_of_this_machine(path: Path, settings: Settings) -> list[dict[str, Any]]:
    """The rows of this machine, these versions and this rule."""
    here = environment()
    # Not by threads: here that is a number of this process, and what was timed had one in the worker.
    key = {**{name: here[name] for name in MACHINE if name != "threads"}, "rule": repr(settings.rule)}
    found = []
    for line in journal.lines(path):
        row = journal.decode(line.decode())
        if all(row.get(name) == value for name, value in key.items()):
            found.append(row)
    return found


def record(path: Path, settings: Settings, **fields: Any) -> None:
    here = environment()
    machine = {name: here[name] for name in MACHINE if name != "threads"}
    journal.append_line(path, {**fields, "commit": commit(ROOT), "rule": repr(settings.rule), **machine})


def rate(rows: Sequence[dict[str, Any]], kind: str) -> Rate:
    """How many decisions of a kind were red, with the exact interval."""
    from scipy.stats import binomtest

    chosen = [row for row in rows if row["kind"] == kind]
    red = sum(row["verdict"] == REGRESSION for row in chosen)
    # Exact: of 60 decisions without one red, the usual normal interval is 0 to 0.
    low, high = binomtest(red, len(chosen)).proportion_ci(method="exact") if chosen else (0.0, 1.0)
    changes = [row["change"] for row in chosen if row["change"] is not None]
    return Rate(
        kind=kind, decisions=len(chosen), red=red, inconclusive=sum(row["verdict"] == INCONCLUSIVE for row in chosen),
        change=statistics.median(changes) if changes else None, low=float(low), high=float(high),
    )  # fmt: skip


def show(rates: Sequence[Rate], settings: Settings) -> None:
    screen = console()
    title = f"the gate on this machine, threshold {settings.rule.threshold:.0%}; all runs recorded here, none resampled"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("what was judged", "decisions", "red", "rate", "95 % interval", "inconclusive", "measured", "asked"):
        table.add_column(name, justify="left" if name == "what was judged" else "right", no_wrap=True)
    for r in rates:
        share = f"{r.red / r.decisions:.1%}" if r.decisions else ""
        measured = "" if r.change is None else f"{r.change:+.1%}"
        required = "none red" if r.kind == IDENTICAL else f"at least {REQUIRED[r.kind]:.0%} red"
        table.add_row(r.kind, str(r.decisions), str(r.red), share, f"{r.low:.1%} to {r.high:.1%}", str(r.inconclusive),
                      measured, required, style="bold red" if r.contradicts else None)  # fmt: skip
    screen.print(table)
