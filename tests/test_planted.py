"""The battery catches every planted bug, by the check made for it, and has nothing to say about right foreign code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from planted import BUGS, FAMILIES
from planted.plain import PLAIN, PlainLBFGS

from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.checks.target.is_an_optimizer import FIRST
from twinstep.bench.battery.judge import check_optimizer
from twinstep.reference.torch_paths import twin

# bug -> every check of the quick battery that it fails, as `--thorough` finds it. Without these checks it would pass.
MATRIX_FILE = Path(__file__).parent / "planted" / "matrix.json"
MATRIX: dict[str, list[str]] = json.loads(MATRIX_FILE.read_text(encoding="utf-8"))
NAMED = {bug.name: bug for bug in BUGS}

# Most of the battery's time: each walks all cases, or hundreds of steps, and most the formula's rounding errors.
LONG = ("one-step", "many-steps", "tiny-gradients", "late-parameters", "paths", "long-run", "constant-gradients")
SHORT = [name for name in CHECKS if name not in LONG]

each_bug = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.key}-{bug.name}")
each_plain = pytest.mark.parametrize("cls", PLAIN, ids=lambda cls: cls.__name__)


def judge(cls, checks=None, **arguments):
    """Against its twin. What the twin shares is expected of the right class, and no matter in a wrong one."""
    expected = {check: why for check, why in cls.shared.items() if checks is None or check in checks}
    return check_optimizer(
        cls, twin(cls.twin), checks=checks, expected_failures=expected, **{"quick": True, **arguments}
    )


def faults(report):
    return [str(result) for result in report.results if result.bad]


def failed(report):
    return [result.check for result in report.results if result.status == "failed"]


@each_bug
def test_a_bug_is_caught_by_the_check_made_for_it(bug):
    (result,) = judge(bug.cls, [bug.check], supports=bug.supports, quick=bug.quick).results
    assert result.status == "failed", f"{bug.name} ({bug.what}) passes {bug.check}: {result.message}"
    if bug.cause:
        assert result.cause == bug.cause, str(result)


def test_there_are_bugs_of_every_family():
    assert len(BUGS) >= 65 and len(NAMED) == len(BUGS)
    assert {bug.key for bug in BUGS} == set(FAMILIES)
    assert all(bug.what and bug.check in CHECKS for bug in BUGS)


@each_plain
def test_control_the_right_class_passes(cls):
    """Every check here but the long ones, of which one; all of them below and in the thorough run.

    L-BFGS takes ten seconds, and torch's and ours are judged in test_torch_itself: here what its bugs are caught by.
    """
    its_own = {bug.check for bug in BUGS if issubclass(bug.cls, cls)}
    chosen = its_own if cls is PlainLBFGS else {*SHORT, "one-step"}
    report = judge(cls, chosen)
    assert report.passed and report.ran >= min(25, len(chosen)), faults(report)


@pytest.mark.thorough("the whole battery over seven classes and three seeds, five minutes")
@pytest.mark.parametrize("seed", range(3))
@each_plain
def test_control_the_right_class_passes_the_whole_battery(cls, seed):
    report = judge(cls, quick=False, seed=seed)
    assert report.passed and report.ran >= 28, faults(report)  # L-BFGS: one group of parameters


def test_the_matrix_has_a_row_for_each_bug_with_the_check_made_for_it():
    assert set(MATRIX) == set(NAMED)
    for bug in BUGS:
        assert bug.check in MATRIX[bug.name] or not bug.quick, bug.name


def test_every_check_catches_something():
    """A check that no bug fails may check nothing; `cuda` needs a GPU, and what is declared is in tests/checks."""
    caught = {name for row in MATRIX.values() for name in row} | {bug.check for bug in BUGS}
    assert {name for name in set(CHECKS) - caught if not name.startswith("declared-")} <= {"cuda"}


# Bugs that one check alone catches: check -> the first of them by name. Left out are what the short checks here would
# not tell: bugs of a long check, or of an ability that is not declared, and what is no optimizer, which fails whichever
# checks are chosen. Every sixth check, since each is a battery; all bugs are in the thorough run.
ALONE = {
    row[0]: name
    for name, row in sorted(MATRIX.items(), reverse=True)
    if len(row) == 1 and row[0] in SHORT and row[0] != FIRST and NAMED[name].quick and not NAMED[name].supports
}
SELECTION = [ALONE[check] for check in sorted(ALONE)[::6]]


@pytest.mark.parametrize("name", SELECTION)
def test_control_without_its_check_the_bug_passes(name):
    report = judge(NAMED[name].cls, [check for check in SHORT if check != NAMED[name].check])
    assert not failed(report) and report.ran >= 20, faults(report)


@pytest.mark.thorough("the quick battery over every bug, seven minutes")
@each_bug
def test_control_the_bug_fails_what_the_matrix_says_and_passes_all_else(bug):
    found = failed(judge(bug.cls, supports=bug.supports))
    assert found == MATRIX[bug.name] or (not bug.steady and bug.check in found)


@pytest.mark.parametrize(
    ("name", "check", "cause"),
    [
        ("adam-none-is-zero", "many-steps", "a missing gradient is taken for zero"),
        ("adam-keeps-its-rate", "many-steps", "a change of the learning rate is ignored"),
        ("sgd-ignores-dampening", "many-steps", "the option dampening is ignored"),
        ("rmsprop-ignores-centered", "one-step", "the option centered is ignored"),
        ("sgd-turns-last", "one-step", "the sign is turned for maximize after weight decay is added"),
    ],
)
def test_the_diagnosis_names_the_cause(name, check, cause):
    """Twelve more conventions stand with their bugs, above."""
    (result,) = judge(NAMED[name].cls, [check]).results
    assert result.cause == cause, str(result)
    assert str(result).splitlines()[0] == f"{check}: failed: {cause}"


def test_enough_causes_are_named():
    looked_up = {bug.cause for bug in BUGS if bug.cause and bug.key in ("T1", "T2", "T5")}
    assert len(looked_up) >= 10


THEIRS = """
import torch

class TheirRMSprop(torch.optim.RMSprop):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    v = self.state[p].setdefault("square_avg", torch.zeros_like(p))
                    v.mul_(group["alpha"]).addcmul_(p.grad, p.grad, value=1 - group["alpha"])
                    p.addcdiv_(p.grad, (v + group["eps"]).sqrt(), value=-group["lr"])
"""


SCRIPTED = (
    "closure", "defaults", "options-have-effect", "scheduler", "state-exchange", "zero-gradients",
    "float16-zero-gradients", "long-run",
)  # fmt: skip


def shown_by(script):
    """The numbers of the assertion that fails; None where the script finds nothing."""
    with torch.random.fork_rng(devices=[]):
        try:
            exec(script, {})
        except AssertionError as error:
            return str(error)
    return None


LOADS = """
import torch

class TheirSGD(torch.optim.SGD):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["momentum_buffer"] = state["momentum_buffer"] * 0.9
"""


@pytest.mark.parametrize("check", SCRIPTED)
def test_every_kind_of_fault_comes_with_a_script_that_shows_it(check):
    """Control: with the right class under the wrong one's name the same script finds nothing.

    That a script needs nothing of this project is shown in a process of its own, below.
    """
    bug = next(bug for bug in BUGS if bug.check == check)
    (result,) = judge(bug.cls, [check], supports=bug.supports, quick=bug.quick).results
    script, right = result.reproduction, next(cls for cls in bug.cls.__mro__ if cls in PLAIN)
    assert script and len(script.splitlines()) <= 15 and "twinstep" not in script, str(result)
    named = f"from planted.plain import {right.__name__} as {bug.cls.__name__}"
    control = script.replace(f"from {bug.cls.__module__} import {bug.cls.__name__}", named)
    assert control != script and shown_by(script)
    # In float16 the right Adam divides by a zero as well, and torch's does: there is no right one to be had.
    assert shown_by(control) is None or check == "float16-zero-gradients"


def test_constant_gradients_and_what_cannot_be_loaded_come_with_a_script(importable):
    (importable / "their_loading.py").write_text(LOADS, encoding="utf-8")
    from their_loading import TheirSGD

    (loads,) = check_optimizer(TheirSGD, twin("SGD"), checks=["state-exchange"], quick=True).results
    (constant,) = check_optimizer(twin("RMSprop"), checks=["constant-gradients"], expected_failures={}).results
    assert "load_state_dict(saved)" in loads.reproduction and "expected" in loads.reproduction
    assert "range(200)" in constant.reproduction
    for found in (loads, constant):
        with pytest.raises(AssertionError):
            exec(found.reproduction, {})


def test_what_nobody_else_could_import_has_no_script():
    class Local(NAMED["adam-closure-twice"].cls):
        pass

    (result,) = check_optimizer(Local, checks=["closure"]).results
    assert result.status == "failed" and result.reproduction == ""


def test_the_reproduction_runs_without_this_project_and_shows_the_disagreement(importable):
    (importable / "their_package.py").write_text(THEIRS, encoding="utf-8")
    from their_package import TheirRMSprop

    (result,) = check_optimizer(TheirRMSprop, twin("RMSprop"), checks=["tiny-gradients"], quick=True).results
    assert result.cause == "eps stands inside the root"
    assert len(result.reproduction.splitlines()) <= 15 and "twinstep" not in result.reproduction
    command = [sys.executable, "-W", "ignore", "-c", result.reproduction]
    run = subprocess.run(command, cwd=importable, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    found, _, expected, _, within = run.stdout.split()
    assert abs(float(found) - float(expected)) > 1000 * float(within), run.stdout
