"""What `twinstep run` prints: the table that fits the terminal, what needs a word, and the verdict as the last line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ..study.job import Job, Line, Outcome

NAMES = ("problem", "optimizer", "case")
# Columns by layout, widest first; the case and the twin's time can be had from the tables, the ratio says the rest.
LAYOUTS = (
    ("problem", "optimizer", "case", "loss", "twin's loss", "gap/bound", "step us", "twin's us", "ratio"),
    ("problem", "optimizer", "loss", "twin's loss", "gap/bound", "step us", "twin's us", "ratio"),
    ("problem", "optimizer", "loss", "twin's", "gap/bound", "us", "ratio"),
)
SHORTEST_NAME = 8  # columns that a name keeps where the numbers need the rest; it is folded, and loses nothing


def is_wrong(line: Line) -> bool:
    return bool(why_wrong(line))


def why_wrong(line: Line) -> str:
    """The gap where it is beyond the bound, or which losses are no numbers; "" where nothing is wrong."""
    if not line.gap.gap_bounds <= 1:  # NaN is no agreement
        return str(line.gap)
    lost = [name for name in line.names if not all(map(math.isfinite, line.losses[name]))]
    return f"the final loss of {' and '.join(lost)} is not finite, which agrees with nothing" if lost else ""


def print_lines(outcome: Outcome, out: Console, *, wide: bool = False) -> None:
    """The table of all lines, then what is WRONG, amplified or missing."""
    if outcome.lines:
        twins = ", ".join(dict.fromkeys(line.names[1] for line in outcome.lines))
        # A line of its own and not the table's title, which would be wrapped inside a name.
        out.print(f"scratch beside {twins}: medians over the seeds", style="italic", markup=False, soft_wrap=True)
        print_table(outcome.lines, out, wide=wide)
    # By message: the gap of a probe is the same on every problem that trains with the case.
    wrong = {
        f"{line.spec.name}/{line.case.name} {line.dtype} against {line.names[1]}: {why_wrong(line)}": line.problem.name
        for line in outcome.lines
        if is_wrong(line)
    }
    for message, problem in wrong.items():
        out.print(f"WRONG {message} ({problem})", style="red", markup=False, soft_wrap=True)
    amplified = [f"{line.spec.name} on {line.problem.name}" for line in outcome.lines if _amplified(line)]
    if amplified:
        message = f"steps agree, and rounding is amplified until losses do not: {', '.join(amplified)}"
        out.print(message, markup=False, soft_wrap=True)
    for problem, why in outcome.missing.items():
        out.print(f"missing: {problem}: {why}", style="yellow", markup=False, soft_wrap=True)


def print_verdict(job: Job, outcome: Outcome, pictures: list[Path], out: Console) -> None:
    """The last line: how many cells agree, how many do not, and where everything is."""
    wrong = sum(map(is_wrong, outcome.lines))
    cells = len(job.problems) * len(job.specs)
    said = f"{len(outcome.lines) - wrong} of {cells} cells agree, {wrong} wrong, {cells - len(outcome.lines)} missing"
    kinds = len({path.stem for path in outcome.tables})  # each as CSV and Parquet
    files = f"{kinds} tables" + (f" and {len(pictures)} pictures" if pictures else "")
    style = "bold red" if wrong else "yellow" if len(outcome.lines) < cells else "bold green"
    out.print(f"{said}; {files} in {job.out}", style=style, markup=False, soft_wrap=True)


def print_table(lines: list[Line], out: Console, *, wide: bool = False) -> None:
    """The widest layout that fits; a narrower terminal wraps lines rather than have a number cut."""
    layouts = LAYOUTS[:1] if wide else LAYOUTS
    fitting = next((layout for layout in layouts if _width(lines, layout, out) <= out.width), layouts[-1])
    before, out.width = out.width, max(out.width, _width(lines, fitting, out, shortest=not wide))
    out.print(_table(lines, fitting))
    out.width = before


def _width(lines: list[Line], layout: tuple[str, ...], out: Console, *, shortest: bool = False) -> int:
    """The columns that a layout needs; shortest: with its names folded."""
    table = _table(lines, layout, shortest=shortest)
    # Measured within the terminal's width rich would fold first, and every layout would fit.
    return out.measure(table, options=out.options.update(width=10_000)).maximum


def _table(lines: list[Line], layout: tuple[str, ...], *, shortest: bool = False) -> Table:
    narrow = layout == LAYOUTS[-1]
    table = Table(box=SIMPLE_HEAD, show_edge=not narrow, padding=(0, 0 if narrow else 1))
    for name in layout:
        if name in NAMES:
            table.add_column(name, overflow="fold", max_width=SHORTEST_NAME if shortest else None)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*(CELLS[name](line) for name in layout))
    return table


def _loss(line: Line, side: int) -> str:
    return f"{line.final_loss(line.names[side]):.6g}"


def _us(line: Line, side: int) -> str:
    return f"{line.step_time_s(line.names[side]) * 1e6:.1f}"


def _twins_loss(line: Line) -> str:
    """What differs from ours to the eye, else the sign for equal, which needs less room."""
    ours, theirs = _loss(line, 0), _loss(line, 1)
    return "=" if ours == theirs else theirs


def _gap(line: Line) -> str:
    gap = line.gap.gap_bounds
    return f"[bold red]{gap:.3g} WRONG[/]" if is_wrong(line) else f"{gap:.3f}"


CELLS: dict[str, Callable[[Line], str]] = {
    "problem": lambda line: line.problem.name,
    "optimizer": lambda line: line.spec.name,
    "case": lambda line: line.case.name,
    "loss": lambda line: _loss(line, 0),
    "twin's loss": lambda line: _loss(line, 1),
    "twin's": _twins_loss,
    "gap/bound": _gap,
    "us": lambda line: _us(line, 0),
    "step us": lambda line: _us(line, 0),
    "twin's us": lambda line: _us(line, 1),
    "ratio": lambda line: f"{line.ratio:.2f}",
}


def _amplified(line: Line) -> bool:
    """Whether losses differ by what can be seen although no step does by more than rounding: chaos, and no mistake."""
    return not is_wrong(line) and _loss(line, 0) != _loss(line, 1)
