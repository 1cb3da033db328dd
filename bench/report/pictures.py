"""Traces over the contour of a 2-D problem, as the book draws them: the gallery's pictures, and PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from ...scratch_impls import Case, Spec
from ..records.tables import replace_file
from ..study.problems import Problem
from ..study.train import Training

MARKS = 25  # of the twin, at most: more would hide the line under them
OURS, THEIRS = "#c1440e", "#1f4e79"


def _grid(count: int, title: str) -> tuple[Figure, list[Axes]]:
    columns = min(count, 2)
    rows = -(-count // columns)
    # Figure, not pyplot: no global state, no display, nothing to close.
    figure = Figure(figsize=(4.6 * columns, 3.2 * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.set_visible(False)
    return figure, list(axes)


def _options(case: Case) -> str:
    return ", ".join(f"{name}={value}" for name, value in case.hyper.items()) or "defaults"


def pair(spec: Spec, runs: Sequence[tuple[Problem, Case, Mapping[str, Training]]]) -> Figure:
    """One optimizer's traces on several problems that can be drawn."""
    figure, axes = _grid(len(runs), spec.name)
    for axis, (problem, case, run) in zip(axes, runs, strict=True):
        _named_trace(axis, problem, run)
        axis.set_title(f"{problem.name} ({_options(case)})", fontsize=9)
    return figure


def overview(problem: Problem, runs: Mapping[str, Mapping[str, Training]]) -> Figure:
    """Every optimizer's trace on one problem, small: ours as a line and its twin's as marks on it."""
    columns = min(len(runs), 6)
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(1.9 * columns, 1.5 * rows + 0.4), layout="constrained")
    figure.suptitle(f"{problem.what}: each formula as a line, its twin as marks", fontsize=9)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for spare in axes[len(runs) :]:
        spare.set_visible(False)
    for axis, (name, run) in zip(axes, runs.items(), strict=False):
        _named_trace(axis, problem, run, size=0.5)
        axis.set_title(name, fontsize=8)
        axis.set(xlabel="", ylabel="")
        axis.tick_params(labelsize=6)
        axis.get_legend().remove()
    return figure


def _named_trace(axis: Axes, problem: Problem, run: Mapping[str, Training], *, size: float = 1) -> None:
    """Ours and its twin, with axes and a legend that name them."""
    ours, theirs = run
    trace(axis, problem, run[ours].trace, run[theirs].trace, size=size, names=(ours, theirs))
    axis.set_xlabel("x1")
    axis.set_ylabel("x2")
    axis.legend(fontsize=8)


def trace(
    axis: Axes, problem: Problem, ours: np.ndarray | None, theirs: np.ndarray | None, *, size: float = 1,
    names: tuple[str, ...] = ("", ""),
) -> None:  # fmt: skip
    """Two paths of shape (points, 2) over the contour; None for one that is not there; size is that of lines and marks.

    A problem without a plane has no contour to draw over.
    """
    plane = problem.plane
    assert plane is not None
    x1, x2 = np.meshgrid(np.linspace(*plane.x1, 200), np.linspace(*plane.x2, 200))
    heights = plane.f(x1, x2)
    levels = (
        # Rosenbrock's minimum is 0, where a logarithm has no level.
        np.geomspace(max(heights.min(), 1e-3), heights.max(), 18) if plane.log else np.linspace(0, heights.max(), 12)
    )
    axis.contour(x1, x2, heights, levels=levels, colors="#8a9a86", linewidths=0.6)
    if ours is not None:
        axis.plot(ours[:, 0], ours[:, 1], "-o", ms=3 * size, lw=1.2 * size, color=OURS, label=names[0])
    if theirs is not None:
        # Marks on the line and no second line: where the two agree one would hide the other.
        marked = theirs[:: max(len(theirs) // MARKS, 1)]
        axis.plot(marked[:, 0], marked[:, 1], "x", ms=6 * size, mew=size, color=THEIRS, label=names[1])
    axis.set_xlim(*plane.x1)
    axis.set_ylim(*plane.x2)


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The picture as a file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    # Without the name and version of matplotlib, which would make every picture new with each release.
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def pixels(picture: bytes) -> np.ndarray:
    """The colours of a PNG, from 0 to 1, shape (rows, columns, channels)."""
    found: np.ndarray = imread(io.BytesIO(picture), format="png")
    return found


def save(figure: Figure, path: Path, dpi: int = 110) -> Path:
    """Writes the PNG in one move; TableError where the folder takes no files."""
    replace_file(path, lambda: png(figure, dpi))
    return path
