"""One task of the main job: a small name that any process can carry out, and the rows that it gives.

A name and never arrays: what reaches another process is a few words, and what comes back are rows.
"""

from __future__ import annotations

import contextlib
import functools
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ... import scratch_impls
from ...scratch_impls import Case, Spec
from ..adapter import as_optimizer
from ..compare.gap import Replay
from ..compare.replay import Factory, replay
from ..compare.scenario import Scenario, probe, recorded
from ..records.rows import Row, complete
from ..records.series import pack, pack_steps, thinned
from ..speed.contest import twin
from . import problems
from .problems import Problem
from .train import Training, train, trainable

Rows = list[tuple[str, Row]]  # (kind, row)

TRACE_POINTS = 250  # of Rosenbrock's 501: more cannot be told apart in a picture of 460 pixels


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to measure, by name.

    what        "training": both sides from one seed; "gap": how far apart they are on the same gradients
    formula     the file of the formula; None for the registered optimizer of that name
    against     MODULE:CLASS that takes the place of the torch twin, or None
    timed       whether its times count: only those of a process that keeps a core to itself
    """

    what: str
    optimizer: str
    problem: str
    seed: int
    dtype: str
    formula: Path | None = None
    data: Path | None = None
    against: str | None = None
    timed: bool = False

    def __str__(self) -> str:
        return f"{self.problem} {self.optimizer} " + ("gap" if self.what == "gap" else f"seed {self.seed}")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a task names, in this process. twin: (name, factory) of what the formula is held against."""

    spec: Spec
    problem: Problem
    twin: tuple[str, Factory]

    @property
    def case(self) -> Case:
        return self.spec.case_for(self.problem.name)


def rows_by_name(task: Task) -> Rows:
    """The rows of a task that another process handed over. Raises what a name that leads nowhere raises, and `rows`."""
    spec = scratch_impls.load(task.optimizer) if task.formula is None else _formula(task.formula)
    against = None if task.against is None else (task.against, pkgutil.resolve_name(task.against))
    return rows(task, Cell(spec=spec, problem=problems.load(task.problem), twin=against or twin(spec, task.dtype)))


# Once a process: a file that is loaded anew is another Spec, whose optimizer class would be made again.
_formula = functools.cache(scratch_impls.load_file)


def rows(task: Task, cell: Cell) -> Rows:
    """Carries out a task on one thread; its rows say where that was. Raises what `train` raises."""
    with one_thread():
        found = _gap(task, cell) if task.what == "gap" else _training(task, cell)
        return [(kind, complete(kind, {**identity(task, cell), **row})) for kind, row in found]


def identity(task: Task, cell: Cell) -> Row:
    """The columns that name what a task measures; the implementation is for each row to say."""
    return {
        "optimizer": cell.spec.name, "case": cell.case.name, "problem": cell.problem.name, "seed": task.seed,
        "dtype": task.dtype, "device": "cpu",
    }  # fmt: skip


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums in a fixed order, so that the same seeds give the same bits; the problems are too small for two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _makers(cell: Cell) -> dict[str, Factory]:
    """Ours first, by the names of the implementations."""
    return {"scratch": as_optimizer(cell.spec), **dict([cell.twin])}


def _training(task: Task, cell: Cell) -> Iterator[tuple[str, Row]]:
    # Both in one call: `train` lets them take turns, and only so has a ratio of their times a meaning.
    sides = {name: trainable(cell.spec, make) for name, make in _makers(cell).items()}
    found = train(cell.problem, sides, hyper=cell.case.hyper, seed=task.seed, dtype=task.dtype, data=task.data)
    ours, theirs = found
    ratio = found[ours].step_time_s / found[theirs].step_time_s
    for name, training in found.items():
        side = {"implementation": name}
        yield "losses", {**side, "final_loss": training.final_loss, "status": "ok"}
        if task.timed:
            yield "timings", {**side, "step_s": training.step_time_s, "ratio": ratio if name == ours else 1.0}
        yield from ((kind, {**side, **row}) for kind, row in _series(training, cell.case))


def _series(training: Training, case: Case) -> Iterator[tuple[str, Row]]:
    """What is drawn of one side."""
    options = ", ".join(f"{name}={value}" for name, value in case.hyper.items()) or "defaults"
    curve = {"steps": pack_steps(training.steps), "losses": pack(training.losses)}
    yield "curves", {"options": options, **curve}
    if training.trace is not None:
        kept = thinned(len(training.trace), TRACE_POINTS)
        x1, x2 = (pack(axis, digits=7) for axis in training.trace[kept].T)
        yield "traces", {"options": options, "steps": pack_steps(kept), "x1": x1, "x2": x2}


def _gap(task: Task, cell: Cell) -> Iterator[tuple[str, Row]]:
    """The larger gap of two replays: of the probe, and of gradients that this problem really gave."""
    ours, theirs = _makers(cell).values()
    # The probe separates conventions; the problem's own gradients show what only real magnitudes do.
    scenarios = (probe(0), _recorded(task, cell, theirs))
    hyper = cell.case.hyper
    found = {s.name: replay(cell.spec, hyper, ours, theirs, s, dtype=task.dtype) for s in scenarios}
    side = {"implementation": cell.twin[0]}
    yield "agreement", {**side, **max((r.worst() for r in found.values()), key=lambda gap: gap.gap_bounds).row()}
    yield from (("growth", {**side, "scenario": name, **_growth(result)}) for name, result in found.items())


def _growth(result: Replay) -> Mapping[str, Any]:
    gaps = result.gap_bounds.max(axis=1)
    return {"steps": pack_steps(range(1, len(gaps) + 1)), "gap_bounds": pack(gaps, digits=4)}


def _recorded(task: Task, cell: Cell, theirs: Factory) -> Scenario:
    objective = cell.problem.setup(0, getattr(torch, task.dtype), "cpu", task.data)
    return recorded(objective.params, objective.loss, trainable(cell.spec, theirs), cell.case.hyper, steps=20)
