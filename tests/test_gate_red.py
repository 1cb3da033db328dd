"""Red means that the head changed something; and once it is red, nothing more is timed."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from gate_doubles import Worker, judge_with, judged

from twinstep.bench.gate import config
from twinstep.bench.gate.config import Plan
from twinstep.bench.gate.outcome import Outcome
from twinstep.bench.gate.program.agreement import agreeing_cells
from twinstep.bench.gate.trees import Checkout
from twinstep.bench.gate.worker import process
from twinstep.scratch_impls import names


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """gate(worker, accepted=...) -> Outcome, of two empty checkouts."""
    return functools.partial(judge_with, tmp_path, monkeypatch)


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


def test_how_long_it_will_take_is_said_before_and_what_is_left_as_it_goes(gate):
    said = []
    gate(Worker([*judged("gd"), *judged("adam")]), progress=said.append)
    assert (
        f"optimizers to judge: {len(names())} in" in said[0]
        and "where nothing is slower" in said[0]
        and "at most" in said[0]
    )
    assert sum("left of agreement" in line for line in said) == 2
    short = []
    gate(Worker([*judged("gd")]), progress=short.append, only=("gd/",))
    assert short[0].startswith("optimizers to judge: 1 in")
