"""The history: every raw block time that a gate measured, one JSON line for each process, benchmark and arm.

Append-only. What people look at is derived from it. Numbers of different machines or library versions are never pooled,
and a benchmark whose definition changes starts a new series.
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..records import journal
from ..records.journal import DamagedJournal, TableError
from .subjects import Cell

if TYPE_CHECKING:
    import pandas

KIND = "gate"
# What makes two times comparable at all; a table is split by them.
MACHINE = ("processor", "threads", "system", "python", "torch", "numpy")
REQUIRED = ("run", "base", "head", "cell", "series", "process", "arm", "inner", "seconds", "cpu", *MACHINE)


class History:
    """The history file of one folder; every row carries the id of this run.

    folder      made when it is not there; TableError when nothing can be written into it
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder, self.run = Path(folder), journal.new_run()
        journal.make_folder(self.folder)
        self.path = journal.journal_path(self.folder, KIND)
        journal.set_aside_damage(self.path)

    def append(
        self, base: str, head: str, cell: Cell, process: int, measured: Mapping[str, Any], where: Mapping[str, Any]
    ) -> None:
        """The block times of one cell in one process, a line an arm; seconds are per step.

        measured    "seconds", "cpu" and "inner", as `interleave` gave them; where: the environment of that process
        """
        machine = {name: where.get(name) for name in MACHINE}
        for arm, seconds in measured["seconds"].items():
            journal.append_line(
                self.path,
                {
                    "run": self.run, "base": base, "head": head, "cell": cell.name, "series": cell.series,
                    "process": process, "arm": arm, "inner": measured["inner"][arm], "seconds": seconds,
                    "cpu": measured["cpu"][arm], **machine,
                },
            )  # fmt: skip


def read(folder: str | Path) -> list[dict[str, Any]]:
    """Every row of the history, oldest first. A line that is no row is left out with a warning, never silently."""
    path, found = journal.journal_path(folder, KIND), []
    if not path.exists():
        raise TableError(f"there is no history {path}; `twinstep gate` and `twinstep noise` write it")
    damaged = []
    for number, line in enumerate(journal.lines(path), start=1):
        try:
            row = journal.decode(line.decode())
            missing = [name for name in REQUIRED if name not in row]
            if missing:
                raise ValueError(f"it lacks {', '.join(missing)}")
            found.append(row)
        except ValueError as error:
            damaged.append(f"line {number} ({error})")
    if damaged:
        message = f"{path}: {len(damaged)} lines are no rows and are left out, first {damaged[0]}"
        warnings.warn(message, DamagedJournal, stacklevel=2)
    return found


@dataclass(frozen=True, kw_only=True)
class Point:
    """One benchmark at one commit on one machine, over all processes that timed it there.

    step_s      median of the processes' median seconds per step, of the processor's work
    ratio       head over its reference (torch), median of the processes; None where there is no reference
    low, high   range of that ratio over the processes
    """

    machine: str
    cell: str
    series: str
    commit: str
    processes: int
    step_s: float
    ratio: float | None
    low: float | None
    high: float | None


def points(rows: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Machine by machine, benchmark by benchmark, commits in the order in which they were first measured."""
    times: dict[tuple[str, str, str, str], dict[tuple[str, int], dict[str, list[float]]]] = {}
    for row in rows:
        # By series as well: a benchmark whose definition changed starts a new line of points.
        key = (machine_of(row), row["cell"], row["series"], row["head"])
        process = times.setdefault(key, {}).setdefault((row["run"], row["process"]), {})
        # The processor's work: commits are measured days apart, and the clock would show the neighbours of that day.
        process[row["arm"]] = row["cpu"]
    found = []
    for (machine, cell, series, commit), processes in times.items():
        heads = [p for p in processes.values() if "head" in p]
        if not heads:
            continue
        steps = [statistics.median(p["head"]) for p in heads]
        ratios = [
            # Round by round: the two ran within milliseconds, and the ratio is free of what the machine did later.
            statistics.median(a / b for a, b in zip(p["head"], p["reference"], strict=True))
            for p in heads
            if "reference" in p
        ]
        found.append(
            Point(
                machine=machine, cell=cell, series=series, commit=commit, processes=len(heads),
                step_s=statistics.median(steps), ratio=statistics.median(ratios) if ratios else None,
                low=min(ratios, default=None), high=max(ratios, default=None),
            )
        )  # fmt: skip
    return sorted(found, key=lambda p: (p.machine, p.cell, p.series))  # stable: commits stay in their order


def machine_of(row: Mapping[str, Any]) -> str:
    """What a row was measured on, as one text; rows of different ones are never pooled."""
    return " · ".join(f"{row[n]}" if n in ("processor", "system") else f"{n} {row[n]}" for n in MACHINE)


def frame(found: Iterable[Point]) -> pandas.DataFrame:
    """One row a point."""
    import pandas

    return pandas.DataFrame([vars(point) for point in found])
