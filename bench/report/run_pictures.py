"""Pictures of a run, from the rows of its journal alone: loss curves of both sides, and traces of 2-D problems.

Fixed margins and one legend a picture: the layout that matplotlib solves for took half of the time, and looking for the
best corner of each of two hundred legends a fifth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..records import journal
from ..records.files import picture_path
from ..records.rows import Row
from ..records.series import unpack
from ..records.tables import TableError, tidy
from ..study import problems
from ..study.pool import Pool
from .pictures import OURS, THEIRS, save, trace

COLUMNS, WIDTH, HEIGHT = 3, 3.6, 2.6  # axes beside each other, and inches of each
DPI = 80
_KIND = {"losses": "curves", "traces": "traces"}  # what a picture shows -> the rows that it is drawn from


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture by name. what: "losses" or "traces"."""

    folder: Path
    what: str
    problem: str

    def __str__(self) -> str:
        return picture_path(self.folder, self.what, self.problem).name


def pictures_of(folder: Path) -> list[Picture]:
    """What there is to draw of the last run: the loss curves of each problem, and the traces of a 2-D one.

    Nothing of a run without curves: of pytest, or of a version that did not journal them.
    """
    found = {
        (what, row["problem"]) for what, kind in _KIND.items() for row in journal.last_run(folder, kind, of="losses")
    }
    known = problems.names()
    named = sorted(found, key=lambda pair: pair[::-1])
    return [Picture(folder=folder, what=what, problem=p) for what, p in named if p in known]


def draw(picture: Picture) -> Path | str:
    """Draws one; its file, or why it is not there."""
    rows = journal.last_run(picture.folder, _KIND[picture.what], of="losses")
    rows = tidy(_KIND[picture.what], [row for row in rows if row["problem"] == picture.problem])
    groups = [list(group) for _, group in groupby(rows, key=lambda row: (row["optimizer"], row["case"]))]
    figure = (_losses if picture.what == "losses" else _traces)(picture.problem, groups)
    try:
        return save(figure, picture_path(picture.folder, picture.what, picture.problem), dpi=DPI)
    except TableError as error:
        return str(error)


def draw_all(
    folder: Path, pool: Pool, progress: Callable[[str], Any] = lambda text: None
) -> tuple[list[Path], dict[str, str]]:
    """Draws the pictures of the last run. (files, name of what is missing -> why)

    progress    called with each name as it begins here
    """
    written: list[Path] = []
    missing: dict[str, str] = {}
    shared = pool.share(draw, pictures_of(folder), draw)
    for picture, made in shared.rest(starts=lambda picture: progress(str(picture))):
        if isinstance(made, Path):
            written.append(made)
        else:
            missing[str(picture)] = made
    return sorted(written), missing


def _grid(title: str, sides: Sequence[str], groups: list[list[Row]]) -> tuple[Figure, list[Axes]]:
    """Axes for each group, titled by optimizer and options; sides are the two names of the legend."""
    rows = -(-len(groups) // COLUMNS)
    columns = min(len(groups), COLUMNS)
    width, height = WIDTH * columns + 0.3, HEIGHT * rows + 0.7
    # Figure, not pyplot: no global state, no display, nothing to close.
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.subplots_adjust(
        left=0.62 / width, right=1 - 0.12 / width, bottom=0.45 / height, top=1 - 0.85 / height, wspace=0.24,
        hspace=0.36,
    )  # fmt: skip
    figure.suptitle(title, y=1 - 0.12 / height, va="top", fontsize=11)
    for spare in axes[len(groups) :]:
        spare.set_visible(False)
    for axis, group in zip(axes, groups, strict=False):
        axis.set_title(_label(group[0]), fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].plot([], [], color=OURS, label=sides[0])
    axes[0].plot([], [], "x", color=THEIRS, label=", ".join(sides[1:]))
    figure.legend(loc="upper right", bbox_to_anchor=(1, 1 - 0.3 / height), ncols=2, fontsize=8, frameon=False)
    return figure, list(axes)


def _label(row: Row) -> str:
    text = f"{row['optimizer']} ({row['options']})"
    return text if len(text) <= 46 else text[:45] + "…"


def _sides(groups: list[list[Row]]) -> list[str]:
    """Ours first, then what it is held against."""
    return ["scratch", *sorted({row["implementation"] for group in groups for row in group} - {"scratch"})]


def _losses(name: str, groups: list[list[Row]]) -> Figure:
    """Loss against steps, ours as a line and the twin as dots on it, all seeds."""
    figure, axes = _grid(f"{name}: loss over all data", _sides(groups), groups)
    minimum = problems.load(name).minimum
    for axis, group in zip(axes, groups, strict=False):
        values = []
        for row in group:
            steps, losses = unpack(row["steps"]), unpack(row["losses"])
            if row["implementation"] == "scratch":
                axis.plot(steps, losses, color=OURS, lw=1.2)
                values.append(losses)
            else:
                # Every third: the two agree, and dots at every checkpoint would cover the line.
                axis.plot(steps[::3], losses[::3], ".", ms=4, color=THEIRS)
        ours = np.concatenate(values or [np.zeros(0)])
        # A logarithm is for orders of magnitude; a curve within a factor of 20 reads better without.
        if ours.size and (ours > 0).all() and ours.max() > 20 * ours.min():
            axis.set_yscale("log")
        # 0 has no place on a logarithmic axis.
        if minimum is not None and minimum > 0:
            axis.axhline(minimum, color="gray", lw=0.8, ls=":")
    return figure


def _traces(name: str, groups: list[list[Row]]) -> Figure:
    """The path of the parameters over the contour of the function, of the first seed."""
    problem = problems.load(name)
    figure, axes = _grid(f"{name}: {problem.what}", _sides(groups), groups)
    for axis, group in zip(axes, groups, strict=False):
        first = [row for row in group if row["seed"] == group[0]["seed"]]
        sides = {row["implementation"]: np.stack([unpack(row["x1"]), unpack(row["x2"])], axis=1) for row in first}
        ours = sides.pop("scratch", None)
        trace(axis, problem, ours, next(iter(sides.values()), None), size=0.7)
    return figure
