"""The main job: every optimizer and its twin over every problem and a few seeds, row by row into journal and tables.

The first seed of each cell is trained and timed in this process, the implementations interleaved, on a core of its own;
what has no times (the other seeds, the gaps) is shared with the other cores. No number but a time depends on where it
was made.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ... import scratch_impls
from ...scratch_impls import Case, Spec
from ..compare.gap import Gap
from ..compare.replay import Factory
from ..records.journal import Journal
from ..records.tables import check_folder, write_tables
from ..speed.contest import twin
from . import problems
from .pool import Pool
from .problems import Problem
from .problems._airfoil_download import DataUnavailable
from .task import Cell, Rows, Task, identity, rows, rows_by_name


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to run, and where its tables go.

    formula     the file that the only Spec comes from, or None for registered ones
    against     (name, factory) that takes the place of every Spec's torch twin, or None
    """

    specs: tuple[Spec, ...]
    problems: tuple[Problem, ...]
    seeds: int
    dtype: str
    out: Path
    formula: Path | None = None
    data: Path | None = None
    against: tuple[str, Factory] | None = None

    def twin(self, spec: Spec) -> tuple[str, Factory]:
        """The implementation that a Spec is held against, by name."""
        return self.against or twin(spec, self.dtype)

    def cells(self) -> Iterator[tuple[Problem, Spec, Case, int]]:
        for problem in self.problems:
            for spec in self.specs:
                for seed in range(self.seeds if problem.seeded else 1):
                    yield problem, spec, spec.case_for(problem.name), seed

    def tasks(self) -> list[Task]:
        """A training for each cell, and a gap beside the first seed's."""
        # The gap once: its histories begin with seed 0 (`task._gap`), whatever seed is trained.
        return [self._task(what, *cell) for cell in self.cells() for what in ("training", "gap")[: 1 + (not cell[3])]]

    def shared(self) -> list[Task]:
        """Those without times, the longest first, so that none of them is waited for at the end."""
        steps = {problem.name: problem.steps for problem in self.problems}
        return sorted((t for t in self.tasks() if not t.timed), key=lambda task: -steps[task.problem])

    def _task(self, what: str, problem: Problem, spec: Spec, case: Case, seed: int) -> Task:
        return Task(
            what=what, optimizer=spec.name, problem=problem.name, seed=seed, dtype=self.dtype, data=self.data,
            formula=self.formula and self.formula.resolve(), against=self.against and self.against[0],
            timed=what == "training" and seed == 0,
        )  # fmt: skip

    def cell(self, task: Task) -> Cell:
        """What a task of this job names, as it is in this process."""
        (spec,) = (spec for spec in self.specs if spec.name == task.optimizer)
        (problem,) = (problem for problem in self.problems if problem.name == task.problem)
        return Cell(spec=spec, problem=problem, twin=self.twin(spec))

    @property
    def has_names(self) -> bool:
        """Whether another process finds what this job has by name: specs and problems of the registry, or a file."""
        known = scratch_impls.names()
        specs = self.formula or all(s.name in known and s is scratch_impls.load(s.name) for s in self.specs)
        return bool(specs) and all(p.name in problems.names() and p is problems.load(p.name) for p in self.problems)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the summary: an optimizer on a problem, over all seeds.

    losses      name of the implementation -> final loss of each seed
    times       name -> median seconds of a step, of those runs that were timed
    """

    problem: Problem
    spec: Spec
    case: Case
    losses: dict[str, list[float]]
    times: dict[str, list[float]]
    gap: Gap
    names: tuple[str, str]
    dtype: str

    def final_loss(self, name: str) -> float:
        """The median over the seeds."""
        return statistics.median(self.losses[name])

    def step_time_s(self, name: str) -> float:
        """The median over the timed runs of the median step."""
        return statistics.median(self.times[name])

    @property
    def ratio(self) -> float:
        """Time of ours over theirs, the median of the pairs that ran interleaved."""
        return statistics.median(a / b for a, b in zip(*(self.times[name] for name in self.names), strict=True))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a job measured, what it could not, and the files it wrote."""

    lines: list[Line] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # problem -> why, and how to get it
    tables: list[Path] = field(default_factory=list)


def run(job: Job, progress: Callable[[str], Any] = lambda text: None, pool: Pool | None = None) -> Outcome:
    """Run every task; the rows of each finished one are in the journal before this process begins its next.

    progress    called with the name of each task, as it starts here or as another process has finished it
    pool        who takes what has no times; without one everything runs here

    An interruption, whatever it is, leaves tables of all finished rows behind before it goes on its way.
    """
    # Now and not after an hour: a folder that takes no files, or a foreign losses.csv in the way.
    check_folder(job.out)
    outcome, journal = Outcome(), Journal(job.out)
    done: dict[Task, Rows] = {}
    try:
        _look_for_data(job, journal, outcome)
        for task, found in _results(job, set(outcome.missing), progress, pool or Pool(0)):
            for kind, row in found:
                journal.append(kind, row)
            done[task] = found
    finally:
        outcome.tables.extend(write_tables(job.out))
    outcome.lines.extend(_lines(job, done))
    return outcome


def _results(job: Job, missing: set[str], progress: Callable[[str], Any], pool: Pool) -> Iterator[tuple[Task, Rows]]:
    """Each task with its rows, as they come."""

    def here(task: Task) -> Rows:
        return rows(task, job.cell(task))

    if not job.has_names:
        pool.give_up("it would not find what this job names")
    shared = pool.share(rows_by_name, [task for task in job.shared() if task.problem not in missing], here)
    for task in job.tasks():
        if task.timed and task.problem not in missing:
            progress(str(task))
            yield task, here(task)
            for other, found in shared.finished():
                progress(str(other))
                yield other, found
    for task, found in shared.rest():
        progress(str(task))
        yield task, found


def _look_for_data(job: Job, journal: Journal, outcome: Outcome) -> None:
    """Makes every problem once, so that no two processes download its data; one without data is left out."""
    for problem in job.problems:
        try:
            problem.setup(0, getattr(torch, job.dtype), "cpu", job.data)
        except DataUnavailable as absent:
            outcome.missing[problem.name] = str(absent)
            for spec in job.specs:
                _record_missing(job, journal, problem, spec, str(absent))


def _record_missing(job: Job, journal: Journal, problem: Problem, spec: Spec, why: str) -> None:
    task = job._task("training", problem, spec, spec.case_for(problem.name), 0)
    for name in ("scratch", job.twin(spec)[0]):
        loss = {"implementation": name, "final_loss": float("nan"), "status": f"missing: {why}"}
        journal.append("losses", {**identity(task, job.cell(task)), **loss})


def _lines(job: Job, done: dict[Task, Rows]) -> Iterator[Line]:
    """A line for each optimizer on each problem, in the order of the job."""
    by_line: dict[tuple[str, str], list[Task]] = {}
    for task in job.tasks():
        if task in done:
            by_line.setdefault((task.problem, task.optimizer), []).append(task)
    for tasks in by_line.values():
        cell = job.cell(tasks[0])
        found = [pair for task in tasks for pair in done[task]]
        names = ("scratch", cell.twin[0])
        (gap,) = (row for kind, row in found if kind == "agreement")
        yield Line(
            problem=cell.problem, spec=cell.spec, case=cell.case, dtype=job.dtype, names=names,
            losses={name: _column(found, "losses", name, "final_loss") for name in names},
            times={name: _column(found, "timings", name, "step_s") for name in names},
            gap=Gap(**{name: gap[name] for name in Gap.__dataclass_fields__}),
        )  # fmt: skip


def _column(found: Rows, kind: str, name: str, column: str) -> list[float]:
    return [row[column] for k, row in found if k == kind and row["implementation"] == name]
