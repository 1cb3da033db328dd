"""The picture of the history: a small graph a benchmark, with its steps marked."""

from __future__ import annotations

import itertools
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..report.pictures import save
from .history import Point

COLUMNS = 4  # of small graphs, in which a step can still be seen


def draw(found: list[Point], path: Path) -> Path:
    """A small graph a benchmark, machine by machine: time over that of its reference, commit by commit.

    A step is marked where the ranges over the processes of two commits that follow each other do not touch.
    """
    graphs: dict[tuple[str, str], list[Point]] = {}
    for point in found:
        if point.ratio is not None:
            graphs.setdefault((point.machine, point.cell), []).append(point)
    rows = max(1, -(-len(graphs) // COLUMNS))
    figure = Figure(figsize=(3.2 * COLUMNS, 2.1 * rows + 0.6))
    axes = figure.subplots(rows, COLUMNS, squeeze=False).flat
    machines = list(dict.fromkeys(machine for machine, _ in graphs))
    for axis, ((machine, cell), line) in zip(axes, graphs.items(), strict=False):
        number = f"{machines.index(machine) + 1}: " if len(machines) > 1 else ""
        _draw_one(axis, number + cell, line)
    for axis in list(figure.axes)[len(graphs) :]:
        axis.set_axis_off()
    height = figure.get_figheight()
    named = [f"{n}: {machine}" for n, machine in enumerate(machines, start=1)] if len(machines) > 1 else machines
    title = "\n".join(["time over the reference's, commit by commit", *named])
    figure.suptitle(title, fontsize=8, y=1 - 0.1 / height, va="top")
    top = 1 - (0.55 + 0.15 * len(named)) / height
    # By hand: the constrained layout of forty graphs takes half a minute.
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.5 / height, top=top, hspace=0.9)
    return save(figure, path)


def steps(line: list[Point]) -> list[int]:
    """Where a line of points steps: the places whose range lies apart from that of the point before, in its series."""
    found = []
    for i, (before, after) in enumerate(itertools.pairwise(line), start=1):
        ranges = (before.low, before.high, after.low, after.high)
        # One process has a range of no width, from which every other lies apart.
        if before.series == after.series and None not in ranges and min(before.processes, after.processes) > 1:
            low, high, new_low, new_high = (float(value or 0.0) for value in ranges)
            if new_low > high or new_high < low:
                found.append(i)
    return found


def _draw_one(axis: Axes, title: str, line: list[Point]) -> None:
    places = range(len(line))
    for series in dict.fromkeys(p.series for p in line):  # a benchmark that was defined anew starts a new line
        x = [i for i, p in zip(places, line, strict=True) if p.series == series]
        # Only points with a ratio are drawn, and those have a range.
        ratio, low, high = ([getattr(line[i], name) for i in x] for name in ("ratio", "low", "high"))
        axis.plot(x, ratio, "-o", ms=3, lw=1, color="#1f4e79")
        axis.vlines(x, low, high, color="#1f4e79", lw=0.8)
    for i in steps(line):
        now, before = line[i].ratio or 0.0, line[i - 1].ratio or 1.0
        axis.axvline(i - 0.5, color="#c1440e", lw=0.8, ls="--")
        axis.annotate(f"{now / before - 1:+.0%}", (i, now), color="#c1440e", fontsize=6, va="bottom",
                      xytext=(1, 3), textcoords="offset points")  # fmt: skip
    axis.set_title(title, fontsize=6)
    axis.set_xticks(places, [p.commit[:7] for p in line], rotation=40, ha="right", fontsize=5)
    axis.tick_params(axis="y", labelsize=5)
    axis.margins(x=0.1, y=0.25)
