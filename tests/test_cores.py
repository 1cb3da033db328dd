"""The main job on several processes: the same bits as on one, and no process that dies or cannot go on loses a task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path

import pytest
import this_tree
import torch

from twinstep.bench.records import journal, rows
from twinstep.bench.records.journal import Journal
from twinstep.bench.records.tables import read_table
from twinstep.bench.study import job as study
from twinstep.bench.study import problems
from twinstep.bench.study.pool import WORTH, Pool, Shared
from twinstep.scratch_impls import load, load_file

THIS_TREE = Path(this_tree.__file__)
SAME = ("losses", "agreement", "curves", "traces", "growth")  # all but the times


def job(folder, **given):
    specs = given.pop("specs", (load("gd"), load("adam")))
    there = given.pop("problems", ("bowl", "quadratic"))
    return study.Job(
        specs=specs, problems=tuple(problems.load(p) if isinstance(p, str) else p for p in there), seeds=3,
        dtype="float64", out=folder, **given,
    )  # fmt: skip


def run(one, workers):
    """The outcome, and what was said of the sharing."""
    with Pool(workers) as pool:
        return study.run(one, pool=pool), pool.notes


def tables(folder):
    return {kind: (folder / f"{kind}.csv").read_bytes() for kind in SAME}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The tables of one process, and its outcome."""
    folder = tmp_path_factory.mktemp("alone")
    outcome, notes = run(job(folder), 0)
    assert not notes
    return tables(folder), outcome


def test_two_processes_give_the_bits_of_one(tmp_path, alone, monkeypatch):
    here = []
    monkeypatch.setattr(study, "rows", lambda task, cell: here.append(task) or study_rows(task, cell))
    study_rows = sys.modules[study.rows_by_name.__module__].rows

    def slow(self, starts):  # so that the other process gets its share, however long it takes to start
        wait(self._out, timeout=120, return_when=FIRST_COMPLETED)
        return rest(self, starts)

    rest = Shared.rest
    monkeypatch.setattr(Shared, "rest", lambda self, starts=lambda task: None: slow(self, starts))
    outcome, notes = run(job(tmp_path), 1)
    assert not notes
    assert len(here) < len(job(tmp_path).tasks()), "the other process did something"
    assert all(task in here for task in job(tmp_path).tasks() if task.timed), "times are taken in this process"
    assert tables(tmp_path) == alone[0]
    assert [line.losses for line in outcome.lines] == [line.losses for line in alone[1].lines]
    assert [line.gap for line in outcome.lines] == [line.gap for line in alone[1].lines]
    assert set(read_table(tmp_path / "timings.csv").seed) == {0}
    assert set(read_table(tmp_path / "losses.csv").seed) == {0, 1, 2}


def test_control_another_seed_has_other_bits(tmp_path, alone):
    run(replace(job(tmp_path), seeds=2), 0)
    assert tables(tmp_path)["losses"] != alone[0]["losses"]


FORMULA = '''"""Gradient descent that ends every process but one.

    x <- x - lr g
"""
import os
from twinstep.scratch_impls import Spec, case

if os.getpid() != HOME:
    END

def init(param):
    return {}

def update(param, grad, state, step, *, lr=1e-2):
    return param - lr * grad, {}

SPEC = Spec(name="mine", init=init, update=update, source="me", reference="SGD",
            cases=(case("default", "what one gets"), case("lr", "lr ignored", lr=0.4, problems=("bowl",))))
'''


@pytest.mark.parametrize(
    ("end", "told"),
    [("os.kill(os.getpid(), 9)", "Terminated"), ("raise RuntimeError('not here')", "not here")],
)
def test_what_another_process_loses_is_done_here(tmp_path, end, told):
    file = tmp_path / "mine.py"
    file.write_text(FORMULA.replace("HOME", str(os.getpid())).replace("END", end))
    given = {"specs": (load_file(file),), "formula": file}
    _, nothing = run(job(tmp_path / "alone", **given), 0)
    _, notes = run(job(tmp_path / "shared", **given), 1)
    assert not nothing
    (note,) = notes
    assert told in note and "everything runs in this one" in note
    assert tables(tmp_path / "shared") == tables(tmp_path / "alone")


def test_a_twin_that_others_cannot_import_is_trained_here(tmp_path):
    given = {"specs": (load("gd"),), "against": ("no_module_of_this_name:SGD", torch.optim.SGD)}
    outcome, (note,) = run(job(tmp_path, **given), 1)
    assert "no_module_of_this_name" in note
    assert [len(line.losses["scratch"]) for line in outcome.lines] == [1, 3]


@pytest.mark.parametrize("other", ["a problem", "a spec"])
def test_what_has_no_name_stays_here(tmp_path, other):
    """Another process would take the registry's for it, and give other numbers."""
    short = replace(problems.load("quadratic"), steps=20)
    renamed = replace(load("gd"), cases=load("gd").cases[:1])
    given = {"problems": (short,)} if other == "a problem" else {"specs": (renamed,)}
    _, notes = run(job(tmp_path, **given), 1)
    assert notes == [
        "another process cannot do this (it would not find what this job names): everything runs in this one"
    ]


class Slow(Pool):
    """Whose other process finishes only what the test says."""

    def __init__(self):
        super().__init__(1)
        self.out = {}

    def submit(self, by_name, task):
        self.out[task] = Future()
        self.out[task].set_running_or_notify_cancel()
        return self.out[task]


def test_what_is_not_handed_out_is_done_here_last_first():
    pool = Slow()
    shared = pool.share(None, ["a", "b", "c", "d", "e"], lambda task: f"{task} here")
    assert list(pool.out) == ["a", "b"]

    def starts(task):
        if task == "d":
            for name in "abc":  # c is handed out once a is done
                pool.out[name].set_result(f"{name} there")

    found = list(shared.rest(starts))
    assert found[:2] == [("e", "e here"), ("d", "d here")]
    assert sorted(found[2:]) == [(name, f"{name} there") for name in "abc"]


def test_a_process_that_fails_late_costs_nothing_that_is_done():
    pool = Slow()
    shared = pool.share(None, ["a", "b", "c"], lambda task: f"{task} here")
    pool.out["a"].set_result("a there")
    assert list(pool.out) == ["a", "b", "c"]
    pool.out["b"].set_exception(RuntimeError("it died"))
    found = dict(shared.rest())
    assert found == {"a": "a there", "b": "b here", "c": "c here"}
    assert pool.notes == ["another process cannot do this (RuntimeError: it died): everything runs in this one"]


def test_few_tasks_and_one_core_need_no_other_process(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    assert (Pool.for_tasks(WORTH - 1).workers, Pool.for_tasks(WORTH).workers) == (0, 3)
    monkeypatch.setattr("joblib.cpu_count", lambda: 1)
    assert Pool.for_tasks(WORTH).workers == 0
    assert Pool.for_tasks(WORTH).notes == ["one core: everything runs in this process"]


def test_a_row_keeps_the_environment_of_who_measured_it(tmp_path):
    one = job(tmp_path)
    task = one.tasks()[0]
    found = study.rows(task, one.cell(task))
    assert {kind for kind, _ in found} == {"losses", "timings", "curves", "traces"}
    kind, row = found[0]
    assert set(rows.ENVIRONMENT) <= set(row) and row["threads"] == 1
    Journal(tmp_path).append(kind, {**row, "processor": "another"})
    assert journal.last_run(tmp_path, kind)[0]["processor"] == "another"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="asks /proc which processes there are")
@pytest.mark.parametrize(
    ("number", "code", "cores"),
    [
        (signal.SIGINT, 130, 2),
        (signal.SIGTERM, 143, 1),
        pytest.param(signal.SIGTERM, 143, 2, marks=pytest.mark.thorough("one of each is quick to say the same")),
    ],
)
def test_an_interruption_keeps_rows_and_leaves_no_process(tmp_path, number, code, cores):
    mark = f"TWINSTEP_TEST_{uuid.uuid4().hex}"
    environment = {**os.environ, mark: "1", "LOKY_MAX_CPU_COUNT": str(cores)}
    command = [sys.executable, THIS_TREE, "run", "--optimizers", "gd", "--problems", "quadratic,rosenbrock",
               "--seeds", "200", "--out", tmp_path]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    path = tmp_path / "losses.jsonl"
    deadline = time.monotonic() + 600
    while not (path.exists() and path.read_bytes().count(b"\n") >= 8) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(marked(mark)) > cores, "the command, its parent, and another process where there is a core for it"
    process.send_signal(number)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == code, errors
    assert "every finished row is" in errors and "Traceback" not in errors
    assert len(read_table(tmp_path / "losses.csv")) == len(journal.read(tmp_path, "losses")) >= 8
    deadline = time.monotonic() + 60
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not marked(mark)


def marked(mark):
    """The processes that have this variable."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:  # it ended, or is another user's
            continue
    return found
