"""What a gate run comes to: exit codes, what people and machines read, and the history that stays."""

from __future__ import annotations

import functools
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
from gate_doubles import Worker, judge_with, judged

from twinstep.bench.cli import cli
from twinstep.bench.gate import config, history, history_picture, report, start
from twinstep.bench.gate.decide import INCONCLUSIVE, PASS, REGRESSION, decide
from twinstep.bench.gate.outcome import Fault, Outcome, accept
from twinstep.bench.gate.trees import GateError
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


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """gate(worker, accepted=...) -> Outcome, of two empty checkouts."""
    return functools.partial(judge_with, tmp_path, monkeypatch)


def test_what_disagrees_is_red_and_never_timed(gate):
    worker = Worker([*judged("gd"), *judged("rmsprop", status="failed")])
    found = gate(worker, keep_going=True)
    assert found.exit_code == 1 and [f.name for f in found.faults] == ["rmsprop:one-step"]
    assert list(found.cells) == ["gd/default tiny"]
    assert found.checks == {"gd": (1, 0), "rmsprop": (1, 1)}
    assert worker.timed() == [["gd/default tiny"]] * 3


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
    assert history_picture.draw(found, tmp_path / "history.png").stat().st_size > 1000
    assert list(history.frame(found)["commit"]) == ["head"] * 3
    with pytest.raises(TableError, match="there is no history"):
        history.read(tmp_path)


def point(commit, ratio, *, series="a", spread=0.01, processes=5):
    return history.Point(
        machine="m", cell="gd", series=series, commit=commit, processes=processes, step_s=1e-4, ratio=ratio,
        low=ratio - spread, high=ratio + spread,
    )  # fmt: skip


def test_a_step_of_the_history_is_marked_and_noise_is_not():
    line = [point("a", 1.20), point("b", 1.21), point("c", 1.35), point("d", 1.34), point("e", 1.20)]
    assert history_picture.steps(line) == [2, 4]
    assert history_picture.steps([point("a", 1.20, spread=0.1), point("b", 1.35, spread=0.1)]) == []
    assert history_picture.steps([point("a", 1.2, processes=1), point("b", 1.5)]) == [], "one process has no range"
    assert history_picture.steps([point("a", 1.2), point("b", 1.5, series="b")]) == [], "another benchmark"


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
