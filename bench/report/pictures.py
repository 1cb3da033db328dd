"""Pictures of a run: the 2-D traces over the contour, as the book draws them, and the loss curves of both sides."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from ...scratch_impls import Case, Spec
from ..records.tables import replace_file
from ..study.job import Line
from ..study.problems import Problem
from ..study.train import Training

MARKS = 25  # of the twin, at most: more would hide the line under them
OURS, THEIRS = "#c1440e", "#1f4e79"


def draw(lines: Iterable[Line], folder: Path) -> list[Path]:
    """One PNG for each problem's loss curves, and one more for the traces of a 2-D problem; returns the files."""
    written = []
    for name, group in groupby(lines, key=lambda line: line.problem.name):
        members = list(group)
        written.append(save(_losses(members), folder / f"losses-{name}.png"))
        if members[0].problem.plane is not None:
            written.append(save(_traces(members), folder / f"traces-{name}.png"))
    return written


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


def _label(line: Line) -> str:
    return f"{line.spec.name} ({_options(line.case)})"


def _options(case: Case) -> str:
    return ", ".join(f"{name}={value}" for name, value in case.hyper.items()) or "defaults"


def _losses(lines: list[Line]) -> Figure:
    """Loss against steps, ours as a line and the twin as dots on it, all seeds."""
    problem = lines[0].problem
    figure, axes = _grid(len(lines), f"{problem.name}: loss over all data")
    for axis, line in zip(axes, lines, strict=False):
        ours, theirs = line.names
        for i, run in enumerate(line.runs):
            axis.plot(run[ours].steps, run[ours].losses, color=OURS, lw=1.2, label="scratch" if i == 0 else None)
            axis.plot(
                run[theirs].steps[::3],
                run[theirs].losses[::3],
                ".",
                ms=4,
                color=THEIRS,
                label=theirs if i == 0 else None,
            )
        values = np.concatenate([run[ours].losses for run in line.runs])
        # A logarithm is for orders of magnitude; a curve within a factor of 20 reads better without.
        if (values > 0).all() and values.max() > 20 * values.min():
            axis.set_yscale("log")
        if problem.minimum is not None and problem.minimum > 0:
            axis.axhline(problem.minimum, color="gray", lw=0.8, ls=":")
        axis.set_title(_label(line), fontsize=9)
        axis.set_xlabel("step")
        axis.legend(fontsize=8)
    return figure


def _traces(lines: list[Line]) -> Figure:
    """The path of the parameters over the contour of the function."""
    problem = lines[0].problem
    figure, axes = _grid(len(lines), f"{problem.name}: {problem.what}")
    for axis, line in zip(axes, lines, strict=False):
        _trace(axis, problem, line.runs[0], line.names)
        axis.set_title(_label(line), fontsize=9)
    return figure


def pair(spec: Spec, runs: Sequence[tuple[Problem, Case, Mapping[str, Training]]]) -> Figure:
    """One optimizer's traces on several problems that can be drawn."""
    figure, axes = _grid(len(runs), spec.name)
    for axis, (problem, case, run) in zip(axes, runs, strict=True):
        _trace(axis, problem, run, tuple(run))
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
        _trace(axis, problem, run, tuple(run), size=0.5)
        axis.set_title(name, fontsize=8)
        axis.set(xlabel="", ylabel="")
        axis.tick_params(labelsize=6)
        axis.get_legend().remove()
    return figure


def _trace(
    axis: Axes, problem: Problem, run: Mapping[str, Training], names: tuple[str, ...], *, size: float = 1
) -> None:
    """Over the contour; size is that of lines and marks."""
    plane = problem.plane
    assert plane is not None
    x1, x2 = np.meshgrid(np.linspace(*plane.x1, 200), np.linspace(*plane.x2, 200))
    heights = plane.f(x1, x2)
    levels = (
        # Rosenbrock's minimum is 0, where a logarithm has no level.
        np.geomspace(max(heights.min(), 1e-3), heights.max(), 18) if plane.log else np.linspace(0, heights.max(), 12)
    )
    ours, theirs = (run[name].trace for name in names)
    assert ours is not None and theirs is not None
    axis.contour(x1, x2, heights, levels=levels, colors="#8a9a86", linewidths=0.6)
    axis.plot(ours[:, 0], ours[:, 1], "-o", ms=3 * size, lw=1.2 * size, color=OURS, label="scratch")
    marked = theirs[:: max(len(theirs) // MARKS, 1)]
    axis.plot(marked[:, 0], marked[:, 1], "x", ms=6 * size, mew=size, color=THEIRS, label=names[1])
    axis.set_xlim(*plane.x1)
    axis.set_ylim(*plane.x2)
    axis.set_xlabel("x1")
    axis.set_ylabel("x2")
    axis.legend(fontsize=8)


def png(figure: Figure) -> bytes:
    """The picture as a file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    # Without the name and version of matplotlib, which would make every picture new with each release.
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def pixels(picture: bytes) -> np.ndarray:
    """The colours of a PNG, from 0 to 1, shape (rows, columns, channels)."""
    found: np.ndarray = imread(io.BytesIO(picture), format="png")
    return found


def save(figure: Figure, path: Path) -> Path:
    """Writes the PNG in one move; TableError where the folder takes no files."""
    replace_file(path, lambda: png(figure))
    return path
