"""Which final losses moved: a table of this run against a committed one, cell by cell and by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import scratch_impls
from ..records import tables
from ..records.rows import ENVIRONMENT, IDENTITY, Row, name_of
from ..records.tables import TableError
from . import problems

if TYPE_CHECKING:
    import pandas

# Relative. Measured: final losses in float64 of all optimizers on all problems, 3 seeds, scratch and every torch path,
# with torch's instruction set "default" and "avx2", 1 and 2 threads, and a matrix library held to its oldest code path
# differ by 8.1e-14 at most (quadratic, momentum/long-memory). A hundred times that leaves room for processors that were
# not at hand (avx512, ARM) and still stands far below any change of a formula.
TOLERANCE = 1e-11


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell that is not as the baseline has it.

    verdict     "moved": another value, or one that is not finite, whatever it was before; "not run": the baseline has
                it and this run does not; "new": this run has it and the baseline does not, which is no failure
    was, now    the two values; None where there is no row
    change      |now - was| / |was|; infinite when one is not finite or was is 0; None where there is no row
    """

    name: str
    column: str
    verdict: str
    was: float | None
    now: float | None
    change: float | None

    @property
    def fails(self) -> bool:
        return self.verdict != "new"

    def __str__(self) -> str:
        if self.verdict == "moved":
            return f"{self.name}: {self.column} moved from {self.was!r} to {self.now!r} (relative {self.change:.3g})"
        return f"{self.name}: {self.verdict}" + (f", {self.column} {self.now!r}" if self.verdict == "new" else "")


def reproducible(table: pandas.DataFrame) -> pandas.DataFrame:
    """The rows that a baseline can hold: float64, seed 0, what was run, and nothing that amplifies rounding."""
    # Two right implementations end 1e-2 apart on Rosenbrock in float64 after a thousand steps.
    chaotic = [problem.name for problem in problems.all_problems() if problem.chaotic]
    # By comparing losses: one comparison that rounding decides otherwise is another way from there on.
    deciding = [spec.name for spec in scratch_impls.all_specs() if spec.closure]
    amplified = table.problem.isin(chaotic) | table.optimizer.isin(deciding)
    # A loss that is not a number stays: it must not pass for a cell that was not run. A missing one says so itself.
    missing = table["status"].fillna("").astype(str).str.startswith("missing") if "status" in table else False
    return table[(table["dtype"] == "float64") & (table.seed == 0) & ~amplified & ~missing]


def compare(
    table: pandas.DataFrame,
    baseline: pandas.DataFrame,
    *,
    columns: Sequence[str] = ("final_loss",),
    tolerance: float = TOLERANCE,
) -> list[Cell]:
    """The cells that differ from the baseline, in the order of their names; an empty list when all are as they were.

    table, baseline     as `tables.read_table` gives them. Rows are matched by the identity columns; the environment
                        is no part of the key, so that a table of one machine judges another's
    Raises TableError when a column is missing or a table has two rows of one identity.
    """
    now, was = _by_identity(table, columns, "the table"), _by_identity(baseline, columns, "the baseline")
    found = []
    for key in sorted(now.keys() | was.keys(), key=str):
        name = name_of(dict(zip(IDENTITY, key, strict=True)))
        for column in columns:
            new = now[key][column] if key in now else None
            old = was[key][column] if key in was else None
            cell = _judge(name, column, old, new, tolerance)
            if cell is not None:
                found.append(cell)
    return found


def _judge(name: str, column: str, was: float | None, now: float | None, tolerance: float) -> Cell | None:
    if was is None or now is None:
        verdict = "new" if was is None else "not run"
        return Cell(name=name, column=column, verdict=verdict, was=was, now=now, change=None)
    if was == now and math.isfinite(now):
        return None
    # From 0, and to or from what is not finite, there is no relative change: it moved. That it was no better before
    # makes nothing right: of a loss that is NaN no change can be seen any more.
    change = abs(now - was) / abs(was) if was and math.isfinite(was) and math.isfinite(now) else math.inf
    if change <= tolerance:
        return None
    return Cell(name=name, column=column, verdict="moved", was=was, now=now, change=change)


def _by_identity(table: pandas.DataFrame, columns: Sequence[str], what: str) -> dict[tuple[Any, ...], dict[str, float]]:
    missing = [name for name in (*IDENTITY, *columns) if name not in table.columns]
    if missing:
        raise TableError(f"{what} lacks the columns {', '.join(missing)}")
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in _records(table, (*IDENTITY, *columns)):
        key = tuple(row[name] for name in IDENTITY)
        if key in found:
            raise TableError(f"{what} has two rows of {name_of(row)}")
        found[key] = {column: float(row[column]) for column in columns}
    return found


def _records(table: pandas.DataFrame, columns: Sequence[str]) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in table[list(columns)].to_dict("records")]


def write(table: pandas.DataFrame, path: str | Path, *, columns: Sequence[str] = ("final_loss",)) -> None:
    """Makes a table the baseline: its identity, these columns and where they were measured, as CSV.

    Refuses, with TableError, a value that is not finite, and to take the place of a file that is no losses table.
    """
    for key, values in _by_identity(table, columns, "the table").items():
        for column, value in values.items():
            if not math.isfinite(value):
                name = name_of(dict(zip(IDENTITY, key, strict=True)))
                raise TableError(f"{name}: {column} is {value!r}, which no later run could be held against")
    path = Path(path)
    tables.check_is_ours(path, "losses")
    rows = _records(table, (*IDENTITY, *columns, *ENVIRONMENT))
    tables.replace_file(path, lambda: tables.csv_text("losses", rows).encode())
