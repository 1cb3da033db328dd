"""`twinstep check`: what it judges, how it refuses, and with which exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import their_optimizers as their

from twinstep.bench import check_optimizer

from .asking import RIGHT, check, verdicts
from .their_files import THEIR_FILES


@pytest.mark.parametrize(
    ("name", "fails", "told", "fine"),
    [
        ("Nothing", "step-moves", "step() does nothing", "state-dict-is-a-value"),
        ("Raises", "step-moves", "the kernel was not built", "defaults"),
        ("GivesNan", "step-moves", "NaN", "defaults"),
        ("Prints", "global-state", "stdout", "step-moves"),
        ("Seeds", "global-state", "random", "step-moves"),
        ("TurnsGradOff", "global-state", "grad mode", "step-moves"),
        ("SetsDefaultDtype", "global-state", "default dtype", "step-moves"),
        ("Exits", "step-moves", "SystemExit", "defaults"),
        ("EndsProcess", "step-moves", "it ends the process", "defaults"),
    ],
)
def test_whatever_they_do_fails_one_check_by_name_and_the_others_still_run(name, fails, told, fine):
    done = check(f"their_optimizers:{name}", "--against", "rmsprop", "--quick", "--checks", f"{fails},{fine}")
    assert done.exit_code == 1, (done.output, done.exception)
    assert fails in done.output and told in done.output
    report = check_optimizer(getattr(their, name), "rmsprop", quick=True, checks=[fine, fails])
    assert verdicts(report) == {fails: "failed", fine: "passed"}


def test_what_is_no_optimizer_fails_whichever_checks_were_chosen():
    done = check("their_optimizers:NoOptimizer", "--checks", "closure,defaults")
    assert done.exit_code == 1 and "1 checks ran: 0 passed, 1 failed" in done.output, done.output
    known = {"is-an-optimizer": "it is none, their#8"}
    report = check_optimizer(their.NoOptimizer, checks=["closure"], expected_failures=known)
    assert verdicts(report) == {"is-an-optimizer": "failed as expected", "closure": "not applicable"}
    assert verdicts(check_optimizer(their.Right, checks=["closure"])) == {"closure": "passed"}, "control"


def test_a_factory_a_partial_and_a_name_pass_through_the_same_door():
    for target in ("their_optimizers:make", "their_optimizers:partial", "rmsprop"):
        done = check(target, "--quick", "--checks", "step-moves,closure")
        assert done.exit_code == 0, done.output
        assert f"{target}: 2 checks ran: 2 passed, 0 failed" in done.output


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a worker that cannot fork starts anew after each crash: minutes")
def test_isolated_checks_survive_a_crash_an_exit_and_a_hang(tmp_path):
    saved = tmp_path / "report.json"
    done = check("their_optimizers:Dangerous", "--against", "rmsprop", "--quick", "--isolate", "--timeout", "2",
                 "--checks", "step-moves,closure,save-load,descends", "--json", saved)  # fmt: skip
    assert done.exit_code == 1, done.output
    found = {r["check"]: r for r in json.loads(saved.read_text())["results"]}
    assert len(found) == 4
    for name, cause in {
        "closure": "it crashed with SIGSEGV",
        "descends": "it did not end within 2 s",
        "save-load": "it ended the process, with exit status 0",
    }.items():
        assert (found[name]["status"], found[name]["cause"]) == ("failed", cause)
    assert "their_optimizers.py" in found["closure"]["message"], "where it crashed"
    assert "in zero_grad" in found["descends"]["message"], "where it hung"
    assert found["step-moves"]["status"] == "passed", "in spite of prints that look like answers"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("raises:X", "cannot import raises: RuntimeError: no licence"),
        ("misspelt:X", "SyntaxError"),
        ("needs:X", "No module named 'nowhere_to_be_found'"),
        ("leaves:X", "it ends the process"),
        ("ends:X", "it ends the process"),
        ("ends.py", "ends.py:2: os._exit: it is no word of a formula"),
        ("nowhere:X", "cannot import nowhere"),
        ("torch.optim:Adma", "has no 'Adma'"),
        ("math:pi", "standard library, which has no optimizers"),
        ("os.path:join", "standard library, which has no optimizers"),
        ("torch:float32", "is a dtype"),
        ("torch.nn:Linear", "does not derive from torch.optim.Optimizer"),
        ("rmsprob", "did you mean 'rmsprop'?"),
        ("nowhere.py", "there is no formula file nowhere.py"),
        ("formula.py", "ZeroDivisionError"),
        ("empty.py", "must define SPEC"),
        ("momentum.py", "has no optimizer 'Lion': say what it is to be held against"),
        ("rmsprop --against formula.py", "ZeroDivisionError"),
        ("rmsprop --against empty.py", "must define SPEC"),
        ("rmsprop --against adma", "did you mean 'adam"),
        ("rmsprop --checks closur", "did you mean 'closure'?"),
        ("rmsprop --checks ,", "names nothing"),
        ("rmsprop --supports sparce", "did you mean 'sparse'?"),
        ("rmsprop --dtype float16", "others are for --supports"),
        ("rmsprop --device nonsense", "no device 'nonsense'"),
        ("rmsprop --cases twice.json", "the case name 'a' is used twice"),
        ("rmsprop --expect closure", "write CHECK=REASON"),
        ("rmsprop --expect closur=why", "did you mean 'closure'?"),
        ("rmsprop --timeout 3", "needs --isolate"),
        ("rmsprop --battery 0.1", "no battery '0.1': there are 0.2, 0.3"),
        ("rmsprop --json nowhere/report.json", "no folder nowhere"),
    ],
)
def test_bad_input_is_told_and_exits_with_2(importable, monkeypatch, args, told):
    monkeypatch.chdir(importable)
    for file, text in THEIR_FILES.items():
        Path(file).write_text(text)
    done = check(*args.split())
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert "bench" not in done.output, "their traceback, not ours"
    theirs = args.split()[0].partition(":")[0] in ("raises", "needs", "leaves", "ends") or "formula.py" in args
    assert ("Traceback" in done.output) == theirs


CASES_THAT_DO_NOT_FIT = {
    '"alhpa": 0.5': "did you mean 'alpha'?",
    '"lr": "x"': "lr is 'x', which is no finite number",
    '"lr": NaN': "lr is nan, which is no finite number",
    '"momentum": -1': "rmsprop, to hold it against, cannot be made with case a: ValueError",
}


@pytest.mark.parametrize("hyper", CASES_THAT_DO_NOT_FIT)
def test_cases_that_do_not_fit_are_wrong_input(tmp_path, hyper):
    file = tmp_path / "cases.json"
    file.write_text(f'[{{"name": "a", "reason": "b", {hyper}}}]')
    told = CASES_THAT_DO_NOT_FIT[hyper]
    against = "torch.optim:RMSprop" if "momentum" in hyper else "rmsprop"
    done = check("their_optimizers:WantsLess", "--against", against, "--checks", "step-moves", "--cases", file)
    assert (done.exit_code, told.replace("rmsprop", against) in done.output) == (2, True), done.output


def test_nothing_checked_is_no_pass():
    done = check(*RIGHT, "--checks", "sparse")
    assert done.exit_code == 4, done.output
    assert "nothing was checked" in done.output


def test_expected_failures_are_strict(tmp_path):
    """Known: it prints. Then it is mended, or the wrong check is named: a failure."""
    pairs = tmp_path / "known.toml"
    pairs.write_text('global-state = "it prints, their#7"')
    prints = ("their_optimizers:Prints", *RIGHT[1:], "--checks", "global-state,closure")
    done = check(*prints, "--expect", "global-state=it prints, their#7")
    assert done.exit_code == 0, done.output
    done = check(*prints, "--expect", pairs)
    assert done.exit_code == 0, done.output
    assert "1 passed, 0 failed, 1 failed as expected" in done.output
    done = check(*prints, "--expect", pairs, "--expect", "closure=once")
    assert done.exit_code == 1, done.output
    assert "closure: passed unexpectedly" in done.output
