"""What a gate run comes to: exit codes, what people and machines read, and the history that stays."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import this_tree
from click.testing import CliRunner

from twinstep.bench.cli import cli
from twinstep.bench.gate import config, history, report, start
from twinstep.bench.gate.config import Plan
from twinstep.bench.gate.decide import INCONCLUSIVE, PASS, REGRESSION, decide
from twinstep.bench.gate.outcome import Fault, Outcome, accept
from twinstep.bench.gate.program import faults as worker_faults
from twinstep.bench.gate.program.agreement import agreeing_cells
from twinstep.bench.gate.program.run import run as run_gate
from twinstep.bench.gate.trees import Checkout, GateError
from twinstep.bench.gate.worker import process
from twinstep.bench.gate.worker.process import WorkerDied
from twinstep.bench.records import journal
from twinstep.bench.records.journal import DamagedJournal, TableError

SCHEMA = Path(report.__file__).with_name("gate.schema.json")
RULE = config.parse({"formulas": True}).rule
GREEN = decide([0.0] * 3, [0.0] * 3, RULE)
RED = decide([0.06] * 7, [0.0] * 7, RULE)
UNCLEAR = decide([0.0] * 11, [0.05] * 11, RULE)


def outcome(**fields):
    whole = {"cells": {"gd/default tiny": GREEN}, "checks": {"gd": (30, 0)}, "expected_cells": 1, **fields}
    return Outcome(base="b" * 12, head="h" * 12, threshold=0.03, **whole)


def fault(kind, name="gd", text="what is wrong\nand more"):
    return Fault(name=name, kind=kind, text=text)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"cells": {"a": GREEN, "b": RED}, "expected_cells": 2}, 1),
        ({"faults": [fault("agreement")]}, 1),
        ({"faults": [fault("loss")]}, 1),
        ({"faults": [fault("broken")]}, 1),
        ({"faults": [fault("vanished"), fault("agreement")]}, 1),
        ({"faults": [fault("vanished")]}, 4),
        ({"faults": [fault("vanished")], "cells": {"a": UNCLEAR}}, 4),
        ({"cells": {"a": UNCLEAR}}, 3),
        ({"expected_cells": 2}, 3),  # one was never decided
        ({"cells": {}, "checks": {}, "expected_cells": 0}, 4),  # nothing was measured
    ],
)
def test_the_exit_code_is_the_worst_that_was_found(fields, code):
    found = outcome(**fields)
    assert found.exit_code == code
    failures = ElementTree.fromstring(report.junit(found)).find("testsuite").get("failures")
    assert (failures == "0") == (code == 0)
    assert found.meaning in report.markdown(found)
    jsonschema.validate(json.loads(json.dumps(report.body(found))), json.loads(SCHEMA.read_text()))


def test_a_maintainer_accepts_by_name_what_vanished_or_fails_from_now_on():
    faults = [fault("vanished"), fault("agreement", "gd:one-step"), fault("broken", "rmsprop")]
    assert outcome(faults=list(accept(faults, ["gd", "gd:one-step"]))).exit_code == 1  # broken is never accepted
    assert outcome(faults=list(accept(faults[:2], ["gd", "gd:one-step"]))).exit_code == 0
    assert outcome(faults=list(accept(faults[:2], ["gd"]))).exit_code == 1
    assert "accepted: vanished: gd" in report.markdown(outcome(faults=list(accept(faults, ["gd"]))))


def test_the_summary_lets_no_text_of_the_pull_request_draw():
    said = report.markdown(outcome(faults=[fault("agreement", text="| a | [x](y) @someone <b> `c`")]))
    assert "@someone" not in said and "<b>" not in said and "[x](y)" not in said
    assert "```\n```" not in report.markdown(outcome(faults=[fault("agreement", text="one\n```\ntwo")]))
    strange = outcome(faults=[fault("agreement", text="escape \x1b and null \x00")])
    assert ElementTree.fromstring(report.junit(strange)).find("testsuite").get("failures") == "1"


class Worker:
    """In the place of worker processes: answers by task, and what was asked."""

    def __init__(self, judge=(), times=None, again=None):
        self.judge, self.times, self.asked = list(judge), times or (lambda process, cell: [1.0] * 40), []
        self.again = self.judge if again is None else list(again)  # in a fresh process, of what was suspect

    def timed(self):
        """The names of the cells of each process that timed."""
        asked = [orders["cells"] for orders in self.asked if orders["task"] == "time"]
        return [[body["name"] for body in cells] for cells in asked]

    def __call__(self, orders, silence_s=0):
        self.asked.append(orders)
        if orders["task"] == "judge":
            yield from self.again if "again" in orders else self.judge
            return
        yield {"kind": "environment", **dict.fromkeys(history.MACHINE, "x")}
        for body in orders["cells"]:
            answer = self.times(orders["process"], body["name"])
            if isinstance(answer, dict):
                yield {"kind": "broken" if "error" in answer else "idle", "cell": body["name"], **answer}
                continue
            arms = {"base": [1.0] * 40, "null": [1.0] * 40, "head": answer}
            yield {"kind": "times", "cell": body["name"], "inner": dict.fromkeys(arms, 1), "seconds": arms, "cpu": arms}


def cell(name):
    body = {"name": f"{name}/default tiny", "optimizer": name, "hyper": {}, "shapes": [[4]], "benchmark": ""}
    return {"kind": "cells", "optimizer": name, "cells": [body]}


def judged(name, *, status="passed", base=True, head=True, base_too=False, more=()):
    yield {"kind": "optimizer", "optimizer": name, "base": base, "head": head}
    if base and head:
        yield cell(name)
    if head:
        said = {"check": "one-step", "status": status, "text": "one-step: said", "base_too": base_too}
        yield {"kind": "check", "optimizer": name, **said}
    yield from more
    yield {"kind": "judged", "optimizer": name}


def of_all(worker):
    """As the messages of several workers, the first of whom does everything."""

    def messages(orders):
        try:
            for message in worker(orders[0]):
                yield 0, message
        except WorkerDied as death:
            yield 0, {"kind": "died", "error": str(death)}

    return messages


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """gate(worker, accepted=...) -> Outcome, of two empty checkouts."""

    def run(worker, **fields):
        monkeypatch.setattr(worker_faults, "messages", worker)
        monkeypatch.setattr(process, "messages_of_all", of_all(worker))
        for name in ("base", "head"):
            (tmp_path / name).mkdir(exist_ok=True)
        plan = Plan(
            base=Checkout(root=tmp_path / "base", commit="base"), head=Checkout(root=tmp_path / "head", commit="head"),
            settings=config.parse({"formulas": True}), **fields,
        )  # fmt: skip
        return run_gate(plan, history.History(tmp_path / "out"))

    return run


def test_what_disagrees_is_red_and_never_timed(gate):
    worker = Worker([*judged("gd"), *judged("rmsprop", status="failed")])
    found = gate(worker, keep_going=True)
    assert found.exit_code == 1 and [f.name for f in found.faults] == ["rmsprop:one-step"]
    assert list(found.cells) == ["gd/default tiny"]
    assert found.checks == {"gd": (1, 0), "rmsprop": (1, 1)}
    assert worker.timed() == [["gd/default tiny"]] * 3


def test_what_is_red_already_is_not_timed_unless_one_wants_it(gate):
    worker = Worker([*judged("gd"), *judged("rmsprop", status="failed")])
    found = gate(worker)
    assert found.exit_code == 1 and not worker.timed()
    assert any("nothing was timed (1 benchmarks)" in note and "--keep-going" in note for note in found.notes)
    accepted = gate(worker, accepted=frozenset({"rmsprop:one-step"}))
    assert accepted.exit_code == 0 and list(accepted.cells) == ["gd/default tiny"]


def test_timing_ends_once_a_slowdown_is_confirmed(gate):
    def times(number, name):
        restless = [1.3, 0.6, 1.01, 0.8, 1.25, 0.7, 1.0]  # undecided after seven processes
        return [1.1 if name.startswith("gd") else restless[number % 7]] * 40

    judge = [*judged("gd"), *judged("adam")]
    worker = Worker(judge, times)
    found = gate(worker)
    assert found.exit_code == 1 and len(worker.timed()) == 7
    assert any("timing ended with 1 benchmarks undecided" in note for note in found.notes)
    more = Worker(judge, times)
    assert gate(more, keep_going=True).exit_code == 1 and len(more.timed()) > 7


FAILS = [*judged("gd"), *judged("lbfgs", status="failed")]


def test_what_fails_on_the_base_too_is_told_and_timed_and_no_red(gate):
    found = gate(Worker([*judged("gd"), *judged("lbfgs", status="failed", base_too=True)]))
    assert found.exit_code == 0 and not found.faults and len(found.cells) == 2
    assert any("lbfgs:one-step fails on the base too, on this machine" in note for note in found.notes)
    assert gate(Worker(FAILS)).exit_code == 1  # control


def test_what_does_not_fail_again_in_a_fresh_process_is_told_and_no_red(gate):
    worker = Worker(FAILS, again=judged("lbfgs"))
    found = gate(worker)
    assert found.exit_code == 0 and len(found.cells) == 2
    assert worker.asked[1]["again"] == {"lbfgs": ["one-step"]}
    assert any("lbfgs:one-step failed in the head, and not once more" in note for note in found.notes)
    also = gate(Worker(FAILS, again=judged("lbfgs", status="failed", base_too=True)))
    assert also.exit_code == 0 and any("fails on the base too" in note for note in also.notes)


def test_a_gap_or_a_loss_that_the_base_has_too_is_no_red(gate):
    gap = {"kind": "gap", "optimizer": "gd", "case": "default", "wrong": True, "base": 0.5, "head": 7.0}
    loss = {"kind": "loss", "optimizer": "gd", "problem": "bowl", "moved": True, "base": 1.0, "head": 2.0}
    for body, name in ((gap, "gd:gap"), (loss, "gd:bowl")):
        found = gate(Worker(judged("gd", more=[{**body, "base_too": False}])))
        assert found.exit_code == 1 and [f.name for f in found.faults] == [name]
        assert gate(Worker(judged("gd", more=[{**body, "base_too": True}]))).exit_code == 0


@pytest.mark.parametrize(("arm", "code"), [("base", 4), ("head", 1)])
def test_what_is_timed_and_does_nothing_is_told(gate, arm, code):
    idle = {"arm": arm, "why": "no parameter moved"}
    worker = Worker([*judged("gd"), *judged("adam")], lambda _, name: idle if name.startswith("gd") else [1.0] * 40)
    found = gate(worker, keep_going=True)
    assert found.exit_code == code and list(found.cells) == ["adam/default tiny"]
    assert [(f.name, "no parameter moved" in f.text) for f in found.faults] == [("gd/default tiny", True)]
    if arm == "base":
        assert gate(worker, accepted=frozenset({"gd/default tiny"})).exit_code == 0


def test_control_a_note_of_what_neither_side_changed_is_not_printed(gate):
    def told(**how):
        found = gate(Worker(judged("gd", status="passed unexpectedly", **how)))
        return any("is known to fail on the base" in note for note in found.notes)

    assert told() and not told(base_too=True)


def test_other_workers_go_on_where_one_died(gate, monkeypatch):
    """The optimizer that it died of is judged once more, and red where it dies again."""
    dies = {"kind": "optimizer", "optimizer": "adam", "base": True, "head": True}

    def run(*again):
        def messages(orders):
            if "again" in orders[0]:
                yield from again
                return
            yield 1, dies
            for message in judged("gd"):
                yield 0, message
            yield 1, {"kind": "died", "error": "it crashed with SIGSEGV"}

        monkeypatch.setattr(process, "messages_of_all", messages)
        outcome = Outcome(base="", head="", threshold=0.03)
        faults = []
        plan = Plan(
            base=Checkout(root=Path(), commit=""), head=Checkout(root=Path(), commit=""),
            settings=config.parse({"formulas": True}),
        )  # fmt: skip
        agreeing_cells(plan, outcome, faults, lambda line: None)
        assert outcome.checks["gd"] == (1, 0)
        return [f.name for f in faults], outcome.notes

    died = 0, {"kind": "died", "error": "it crashed with SIGSEGV"}
    arm = 0, {"kind": "arm", "optimizer": "adam"}
    assert run((0, dies), died)[0] == ["adam"]
    assert run((0, {**arm[1], "arm": "head"}), died)[0] == ["adam"]
    names, notes = run((0, {**arm[1], "arm": "base"}), died)
    assert not names and any("fails on the base too" in note for note in notes)
    assert not run((0, dies), (0, {"kind": "judged", "optimizer": "adam"}))[0]


def test_a_slow_head_is_red_on_its_own_benchmark_alone(gate):
    worker = Worker([*judged("gd"), *judged("adam")], lambda _, name: [1.1 if name.startswith("gd") else 1.0] * 40)
    found = gate(worker)
    assert found.verdicts(REGRESSION) == ["gd/default tiny"] and found.verdicts(PASS) == ["adam/default tiny"]
    assert list(map(len, worker.timed())) == [2, 2, 2, 1, 1, 1, 1]  # what is decided is timed no longer


def test_removed_new_and_broken_are_told_apart(gate):
    worker = Worker(
        [
            *judged("gd", head=False), *judged("lion", base=False), *judged("adam"), *judged("rmsprop"),
            {"kind": "broken", "arm": "base", "optimizer": "old", "error": "ValueError: old"},
            {"kind": "broken", "arm": "head", "optimizer": "new", "error": "File x\nImportError: no y"},
        ],
        lambda _, name: {"arm": "head", "error": "RuntimeError: z"} if name.startswith("adam") else [1.0] * 40,
    )  # fmt: skip
    found = gate(worker, keep_going=True)
    kinds = {f.name: f.kind for f in found.faults}
    assert kinds == {"gd": "vanished", "new": "broken", "adam/default tiny": "broken"}
    assert any("lion is new" in note for note in found.notes)
    assert any("old: the base cannot run it (ValueError: old)" in note for note in found.notes)
    assert found.exit_code == 1 and found.verdicts(PASS) == ["rmsprop/default tiny"]
    accepted = gate(Worker([*judged("gd", head=False), *judged("adam")]), accepted=frozenset({"gd", "nothing"}))
    assert accepted.exit_code == 0 and any("--accept nothing" in note for note in accepted.notes)


def test_a_head_that_mends_a_known_failure_is_green(gate):
    found = gate(Worker(judged("gd", status="passed unexpectedly")))
    assert found.exit_code == 0 and any("gd:one-step is known to fail" in note for note in found.notes)


def test_losses_that_move_are_red(gate):
    loss = {"kind": "loss", "optimizer": "gd", "problem": "bowl", "base": 1.0, "head": 1.1, "moved": True}
    found = gate(Worker([*judged("gd"), loss]))
    assert found.exit_code == 1 and found.faults[0].name == "gd:bowl"
    assert gate(Worker([*judged("gd"), {**loss, "moved": False}])).exit_code == 0


def test_a_judge_that_dies_is_a_fault_of_the_head(gate):
    def dying(orders, silence_s=0):
        if orders["task"] == "judge":
            yield from judged("gd")
            raise WorkerDied("a worker was ended by SIGSEGV: gd.py, line 3")

    assert [f.kind for f in gate(dying).faults] == ["broken"]


def test_a_timing_process_that_dies_is_red_and_no_usage_error(gate):
    """A benchmark that ends the process: nothing after it was timed, and nothing may look as if it had been."""

    def dying(orders, silence_s=0):
        if orders["task"] == "judge":
            yield from judged("gd")
        else:
            yield {"kind": "environment", **dict.fromkeys(history.MACHINE, "x")}
            raise WorkerDied("a worker ended with exit status 0: nothing said")

    found = gate(dying)
    assert [(f.name, f.kind) for f in found.faults] == [("time", "broken")] and found.exit_code == 1


def test_a_base_that_cannot_run_is_no_verdict_on_the_head(gate):
    broken = {"kind": "broken", "arm": "base", "optimizer": "", "error": "ImportError: no x"}
    with pytest.raises(GateError, match="the base cannot run"):
        gate(Worker([broken]))
    assert gate(Worker([{**broken, "arm": "head"}])).exit_code == 1


def test_a_name_that_no_benchmark_has_is_no_pass(gate):
    with pytest.raises(GateError, match="no benchmark begins with 'nothing'; there are gd/default tiny"):
        gate(Worker([*judged("gd")]), only=("nothing",))


def test_an_interrupted_gate_keeps_every_finished_row(gate, tmp_path):
    def times(process, name):
        if process == 1:
            raise KeyboardInterrupt
        return [1.0] * 40

    with pytest.raises(KeyboardInterrupt):
        gate(Worker([*judged("gd")], times))
    assert {(row["cell"], row["arm"]) for row in history.read(tmp_path / "out")} == {
        ("gd/default tiny", arm) for arm in ("base", "head", "null")
    }


def test_a_half_written_line_is_set_aside_and_told(gate, tmp_path):
    gate(Worker([*judged("gd")]))
    whole = len(history.read(tmp_path / "out"))
    path = journal.journal_path(tmp_path / "out", "gate")
    with path.open("a") as file:
        file.write('{"run": "half')
    with pytest.warns(DamagedJournal, match="set aside"):
        gate(Worker([*judged("gd")]))
    assert len(history.read(tmp_path / "out")) == 2 * whole
    assert (tmp_path / "out" / "gate.jsonl.damaged").read_text() == '{"run": "half\n'


def test_machines_and_changed_benchmarks_are_never_pooled(gate, tmp_path):
    gate(Worker([*judged("gd")]))
    rows = history.read(tmp_path / "out")
    other = [{**row, "processor": "y"} for row in rows]
    changed = [{**row, "series": "another"} for row in rows]
    found = history.points([*rows, *other, *changed])
    assert len(found) == 3 and {p.processes for p in found} == {3}
    assert len(history.points([*rows, *[{**row, "run": "again"} for row in rows]])) == 1
    assert history.draw(found, tmp_path / "history.png").stat().st_size > 1000
    assert list(history.frame(found)["commit"]) == ["head"] * 3
    with pytest.raises(TableError, match="there is no history"):
        history.read(tmp_path)


def test_two_gates_at_once_would_time_each_other(monkeypatch, tmp_path):
    monkeypatch.setattr(start, "LOCK", tmp_path / "lock")
    code = "import filelock, sys, time; kept = filelock.FileLock(sys.argv[1]); kept.acquire(); print(1, flush=True)"
    with start.alone():
        pass
    command = [sys.executable, "-c", f"{code}; time.sleep(60)", tmp_path / "lock"]
    other = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        with pytest.raises(GateError, match="another gate"), start.alone():
            pass
    finally:
        other.kill()
        other.communicate()


def test_the_command_refuses_what_it_cannot_judge(tmp_path, monkeypatch):
    monkeypatch.setattr(start, "LOCK", tmp_path / "lock")
    monkeypatch.chdir(this_tree.ROOT)
    run = CliRunner()
    for arguments, said in (
        ([], "give --base REF"),
        (["--base", "HEAD", "--self-test"], "give --base REF"),
        (["--base", "nosuch", "--out", str(tmp_path)], "there is no commit 'nosuch'"),
    ):
        done = run.invoke(cli, ["gate", *arguments])
        assert done.exit_code == 2 and said in done.output, done.output
    monkeypatch.chdir(tmp_path)
    done = run.invoke(cli, ["gate", "--base", "HEAD", "--out", str(tmp_path)])
    assert done.exit_code == 2 and "not inside a git repository" in done.output


def test_inconclusive_says_what_would_help(capsys):
    report.show(outcome(cells={"gd/default tiny": UNCLEAR}))
    said = capsys.readouterr().out
    assert INCONCLUSIVE in said and "twinstep noise" in said and "base against base" in said
    report.show(replace_faults(outcome(), fault("vanished", "gd")))
    assert "--accept 'gd'" in capsys.readouterr().out


def replace_faults(found, *faults):
    return replace(found, faults=list(faults))
