"""Every number that the book printed, beside what the formulas make of it.

The walks run the formulas on Python floats, the airfoil losses on NumPy arrays in float64: no framework takes part.
An optimizer is judged as soon as a formula of its name is registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import scratch_impls
from ...reference.book import AIRFOIL, PUBLISHED, SURFACES, AirfoilRun, Point, Published, Surface
from ...scratch_impls import Spec
from .problems._airfoil_download import airfoil_table
from .problems.airfoil import airfoil_regression

EPOCHS = 2


@dataclass(frozen=True, kw_only=True)
class BookRow:
    """One published number or line of numbers; came_out is ours at the same digits, where the section of the book."""

    name: str
    where: str
    published: str
    came_out: str
    equal: bool


def walk(spec: Spec, hyper: Mapping[str, Any], surface: Surface) -> list[Point]:
    """The formula on Python floats, coordinate by coordinate: steps + 1 points, the start first."""
    full = spec.hyper(**hyper)
    x = surface.start
    states = [spec.start(value, full) for value in x]
    points = [x]
    for step in range(1, surface.steps + 1):
        coordinates = zip(x, surface.gradient(x), states, strict=True)
        moved = [spec.update(a, g, state, step, **full) for a, g, state in coordinates]
        x, states = tuple(a for a, _ in moved), [state for _, state in moved]
        points.append(x)
    return points


def airfoil_losses(spec: Spec, hyper: Mapping[str, Any], table: np.ndarray, *, batch: int) -> list[float]:
    """Losses after epochs 1 and 2 of linear regression in file order from w = b = 0, float64, nothing random.

    table       as `airfoil_table` returns it, (1503, 6)
    """
    x, y = airfoil_regression(table)
    full = spec.hyper(**hyper)
    # From zeros and in file order: the book's own runs are shuffled, so that a printed loss cannot be repeated.
    w, b = np.zeros(x.shape[1]), np.float64(0)
    w_state, b_state = spec.start(w, full), spec.start(b, full)
    losses, step = [], 0
    for _ in range(EPOCHS):
        for first in range(0, len(x), batch):
            rows = slice(first, first + batch)
            step += 1
            error = x[rows] @ w + b - y[rows]  # the gradient of half the mean squared error, up to the mean
            w_grad, b_grad = x[rows].T @ error / len(error), error.mean()
            w, w_state = spec.update(w, w_grad, w_state, step, **full)
            b, b_state = spec.update(b, b_grad, b_state, step, **full)
        losses.append(float(0.5 * np.square(x @ w + b - y).mean()))
    return losses


def book_rows(data: Path | None = None) -> list[BookRow]:
    """All rows, those of the airfoil last.

    data        the airfoil file or its folder; None: the cached download

    Raises DataError for a path that is bad, DataUnavailable where the table is not to be had; `walk_rows` needs none.
    """
    return [*walk_rows(), *airfoil_rows(data)]


def walk_rows() -> list[BookRow]:
    """The last point of every walk and, where a last point alone would not tell rules apart, the first two."""
    known = set(scratch_impls.names())
    return [row for p in PUBLISHED if p.rule in known for row in _walk_rows(p)]


def _walk_rows(p: Published) -> list[BookRow]:
    points = walk(scratch_impls.load(p.rule), p.hyper, SURFACES[p.surface])
    lines = {f"after step {len(points) - 1}": (p.printed, points[-1])}
    # With a gradient of 0.4 x2 in the place of 4 x2 RMSProp and both AdaGrads print the same last lines.
    lines.update({f"after step {k}": (printed, points[k]) for k, printed in enumerate(p.first, start=1)})
    return [
        _row(f"{p.name}, {when}", p.where, ", ".join(printed), ", ".join(p.style % value for value in point))
        for when, (printed, point) in lines.items()
    ]


def airfoil_rows(data: Path | None = None) -> list[BookRow]:
    """The RNG-free airfoil losses to nine decimals, with the book's rule and with torch's; raises as `book_rows`."""
    table, known = airfoil_table(data), set(scratch_impls.names())
    return [row for run in AIRFOIL if run.rule in known for row in _airfoil_rows(run, table)]


def _airfoil_rows(run: AirfoilRun, table: np.ndarray) -> list[BookRow]:
    spec, rows = scratch_impls.load(run.rule), []
    rules = {"book": (run.book_hyper, run.book_losses), "torch": (run.torch_hyper, run.torch_losses)}
    for name, (hyper, published) in rules.items():
        losses = airfoil_losses(spec, hyper, table, batch=run.batch)
        rows.append(_row(f"{run.name}, {name} rule", run.where, published, ", ".join(f"{v:.9f}" for v in losses)))
    return rows


def _row(name: str, where: str, published: str, came_out: str) -> BookRow:
    # As text: what is compared is what the book printed, to its last digit and no further.
    return BookRow(name=name, where=where, published=published, came_out=came_out, equal=published == came_out)
