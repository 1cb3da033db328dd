"""The main job: every optimizer and its twin over every problem and a few seeds, row by row into journal and tables."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ...scratch_impls import Case, Spec
from ..adapter import as_optimizer
from ..compare.gap import Gap
from ..compare.replay import Factory, replay
from ..compare.scenario import probe, recorded
from ..records.journal import Journal
from ..records.rows import Row
from ..records.tables import check_folder, write_tables
from ..speed.contest import twin
from .problems import Problem
from .problems._airfoil_download import DataUnavailable
from .train import Training, train, trainable


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to run, and where its tables go.

    against     (name, factory) that takes the place of every Spec's torch twin, or None
    """

    specs: tuple[Spec, ...]
    problems: tuple[Problem, ...]
    seeds: int
    dtype: str
    out: Path
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


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the summary: an optimizer on a problem, over all seeds."""

    problem: Problem
    spec: Spec
    case: Case
    runs: list[dict[str, Training]]
    gap: Gap
    names: tuple[str, str]
    dtype: str

    def final_loss(self, name: str) -> float:
        """The median over the seeds."""
        return statistics.median(run[name].final_loss for run in self.runs)

    def step_time_s(self, name: str) -> float:
        """The median over the seeds of the median step."""
        return statistics.median(run[name].step_time_s for run in self.runs)

    @property
    def ratio(self) -> float:
        """Time of ours over theirs, the median of the pairs that ran interleaved."""
        ours, theirs = self.names
        return statistics.median(run[ours].step_time_s / run[theirs].step_time_s for run in self.runs)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a job measured, what it could not, and the files it wrote."""

    lines: list[Line] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # problem -> why, and how to get it
    tables: list[Path] = field(default_factory=list)


def run(job: Job, progress: Callable[[str], Any] = lambda text: None) -> Outcome:
    """Run every cell; each finished one is in the journal before the next begins.

    progress    called with the name of each cell as it starts

    An interruption, whatever it is, leaves tables of all finished rows behind before it goes on its way.
    """
    # Now and not after an hour: a folder that takes no files, or a foreign losses.csv in the way.
    check_folder(job.out)
    outcome = Outcome()
    journal = Journal(job.out)
    lines: dict[tuple[str, str], Line] = {}
    try:
        with one_thread():
            for problem, spec, case, seed in job.cells():
                progress(f"{problem.name} {spec.name} seed {seed}")
                if problem.name in outcome.missing:
                    continue
                try:
                    _cell(job, journal, lines, problem, spec, case, seed)
                except DataUnavailable as absent:
                    outcome.missing[problem.name] = str(absent)
                    _record_missing(job, journal, problem, str(absent))
    finally:
        outcome.lines.extend(lines.values())
        outcome.tables.extend(write_tables(job.out))
    return outcome


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums in a fixed order, so that the same seeds give the same bits; the problems are too small for two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cell(
    job: Job, journal: Journal, lines: dict[tuple[str, str], Line], problem: Problem, spec: Spec, case: Case, seed: int
) -> None:
    """Trains one cell, journals its rows, and adds the run to its line; the first seed also measures the gap."""
    makers: dict[str, Factory] = {"scratch": as_optimizer(spec), **dict([job.twin(spec)])}
    ours, theirs = makers
    sides = {name: trainable(spec, make) for name, make in makers.items()}
    result = train(problem, sides, hyper=case.hyper, seed=seed, dtype=job.dtype, data=job.data)
    identity = {
        "optimizer": spec.name, "case": case.name, "problem": problem.name, "seed": seed, "dtype": job.dtype,
        "device": "cpu",
    }  # fmt: skip
    _journal_training(journal, identity, result)
    if (problem.name, spec.name) in lines:
        lines[problem.name, spec.name].runs.append(result)
        return
    gap = _gap(job, spec, case.hyper, makers, problem)
    journal.append("agreement", {**identity, "implementation": theirs, **gap.row()})
    lines[problem.name, spec.name] = Line(
        problem=problem, spec=spec, case=case, runs=[result], gap=gap, names=(ours, theirs), dtype=job.dtype
    )


def _journal_training(journal: Journal, identity: Row, result: Mapping[str, Training]) -> None:
    """A row of losses and one of timings for each side; ours comes first, and its ratio is over the other's."""
    ours, theirs = result
    ratio = result[ours].step_time_s / result[theirs].step_time_s
    for name, training in result.items():
        row = {**identity, "implementation": name}
        journal.append("losses", {**row, "final_loss": training.final_loss, "status": "ok"})
        journal.append("timings", {**row, "step_s": training.step_time_s, "ratio": ratio if name == ours else 1.0})


def _gap(job: Job, spec: Spec, hyper: Mapping[str, Any], makers: Mapping[str, Factory], problem: Problem) -> Gap:
    """The larger gap of two replays: of the probe, and of gradients that this problem really gave."""
    ours, theirs = makers.values()
    objective = problem.setup(0, getattr(torch, job.dtype), "cpu", job.data)
    recorded_gradients = recorded(objective.params, objective.loss, trainable(spec, theirs), hyper, steps=20)
    # The probe separates conventions; the problem's own gradients show what only real magnitudes do.
    found = [
        replay(spec, hyper, ours, theirs, scenario, dtype=job.dtype).worst()
        for scenario in (probe(0), recorded_gradients)
    ]
    return max(found, key=lambda gap: gap.gap_bounds)


def _record_missing(job: Job, journal: Journal, problem: Problem, why: str) -> None:
    for spec in job.specs:
        for name in ("scratch", job.twin(spec)[0]):
            journal.append(
                "losses",
                {
                    "optimizer": spec.name, "case": spec.case_for(problem.name).name, "problem": problem.name,
                    "seed": 0, "implementation": name, "dtype": job.dtype, "device": "cpu", "final_loss": float("nan"),
                    "status": f"missing: {why}",
                },
            )  # fmt: skip
