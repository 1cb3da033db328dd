"""One verdict, through whichever door: the command, pytest with and without a test file, Python."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import jsonschema
import pytest
import their_optimizers as their
import this_tree

from twinstep.bench import check_optimizer, parametrize_with_checks
from twinstep.bench.battery.checks import CHECKS
from twinstep.scratch_impls import load_file

from .asking import FEW, SCHEMA, check, verdicts
from .their_files import MOMENTUM, TEST_FILE

pytest_plugins = "pytester"


def test_every_door_gives_the_same_verdicts(tmp_path, installed):
    """The command, zero-code pytest under xdist, a parametrized test beside it, and Python."""
    target, chosen = "their_optimizers:Prints", FEW.split(",")
    python = check_optimizer(their.Prints, "rmsprop", quick=True, checks=chosen)
    assert set(verdicts(python).values()) == {"passed", "failed", "not declared", "not applicable"}

    saved = tmp_path / "report.json"
    done = check(target, "--against", "rmsprop", "--quick", "--checks", FEW, "--json", saved)
    assert done.exit_code == 1, done.output
    body = json.loads(saved.read_text())
    jsonschema.validate(body, SCHEMA)
    assert {r["check"]: r["status"] for r in body["results"]} == verdicts(python)
    title, first, *_ = done.stdout.splitlines()
    assert title.startswith(f"{target} against rmsprop (Twinstep ") and first.startswith("global-state: failed: ")
    assert done.stdout == str(dataclasses.replace(python, subject=target)) + "\n"

    folder = tmp_path / "their_repository"
    (folder / "bench").mkdir(parents=True)
    (folder / "bench" / "__init__.py").write_text("raise RuntimeError('this is not twinstep')")
    (folder / "conftest.py").write_text("def pytest_addoption(parser):\n    parser.addoption('--quick')\n")
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers\nfilterwarnings = error\nxfail_strict = 1\n"
    )
    (folder / "test_it.py").write_text(TEST_FILE.replace("CHECKS", repr(chosen)))
    command = [sys.executable, "-m", "pytest", *this_tree.plugin(), "--twinstep", target, "--twinstep-quick",
               "--twinstep-against", "rmsprop", "-n", "1", "-k", " or ".join(chosen), "-v",
               "--junitxml", "junit.xml"]  # fmt: skip
    ran = subprocess.run(command, cwd=folder, env=installed, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    words = {"passed": "PASSED", "failed": "FAILED", "not declared": "SKIPPED", "not applicable": "SKIPPED"}
    for name, status in verdicts(python).items():
        assert f"{words[status]} twinstep::{target}::{name} " in ran.stdout, ran.stdout
        assert f"{words[status]} test_it.py::test_theirs[Prints-{name}] " in ran.stdout, ran.stdout
    for line in python.summary().splitlines():
        assert ran.stdout.count(f"twinstep: {line}") == 2, "one subject, judged through two doors"
    assert "\nglobal-state: failed" in ran.stdout
    assert "Traceback" not in ran.stdout and "pytest_plugin.py" not in ran.stdout
    junit = (folder / "junit.xml").read_text()
    failed, skipped = (2 * sum(words[s] == word for s in verdicts(python).values()) for word in ("FAILED", "SKIPPED"))
    assert f'failures="{failed}" skipped="{skipped}"' in junit and 'errors="0"' in junit


NO_OPTIMIZERS = {
    "WantsMore": "name a factory function that fills in `rank`, or give values with --cases FILE",
    "NoOptimizer": "made a NoOptimizer, which has no step(): name a class of optimizers, or a function",
    "forgets_to_return": "made None, which has no step()",
    "takes_no_parameters": "takes 0 positional arguments but 1 was given; name a factory function (params, **options)",
    "NotBuilt": "RuntimeError: the kernel was not built",
}


THOROUGH = pytest.mark.thorough("the same three doors as of the two that every run takes")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in ("WantsMore", "NotBuilt") else THOROUGH) for n in NO_OPTIMIZERS]
)
def test_what_is_no_optimizer_fails_that_check_alone_in_every_door(tmp_path, run, name):
    target, saved = f"their_optimizers:{name}", tmp_path / "report.json"
    done = check(target, "--against", "rmsprop", "--json", saved)
    assert done.exit_code == 1, done.output
    assert NO_OPTIMIZERS[name] in done.output and "is-an-optimizer" in done.stdout.splitlines()[1]
    body = json.loads(saved.read_text())
    jsonschema.validate(body, SCHEMA)
    report = check_optimizer(getattr(their, name), "rmsprop")
    assert not report.passed and verdicts(report) == {r["check"]: r["status"] for r in body["results"]}
    first, *others = report.results
    assert (first.check, first.status, len(others)) == ("is-an-optimizer", "failed", len(CHECKS) - 1)
    for result in others:
        assert (result.status, result.message) == (
            "not applicable", "it could not be constructed (see is-an-optimizer)"
        )  # fmt: skip
    ran = run("--twinstep", target, "--twinstep-against", "rmsprop")
    ran.assert_outcomes(failed=1, skipped=len(CHECKS) - 1)
    assert ran.ret == pytest.ExitCode.TESTS_FAILED


def test_a_formula_file_is_judged_by_every_door_against_its_twin(tmp_path, run):
    right, wrong = tmp_path / "momentum.py", tmp_path / "wrong" / "momentum.py"
    wrong.parent.mkdir()
    right.write_text(MOMENTUM)
    wrong.write_text(MOMENTUM.replace("return param - lr *", "return param - 1.001 * lr *"))
    assert wrong.read_text() != MOMENTUM
    for file, status in ((right, "passed"), (wrong, "failed")):
        chosen = ["one-step", "copy-and-pickle"]
        expected = {"one-step": status, "copy-and-pickle": "passed"}
        for target in (file, str(file), load_file(file)):
            report = check_optimizer(target, quick=True, checks=chosen)
            assert (report.against, verdicts(report)) == ("torch.optim:SGD", expected)
        done = check(file, "--quick", "--checks", ",".join(chosen))
        assert f"{file} against torch.optim:SGD" in done.output.replace("\n", "")
        assert done.exit_code == (status == "failed"), done.output
        ran = run("--twinstep", file, "--twinstep-quick", "-k", "one-step")
        ran.assert_outcomes(**{status: 1})
    assert [p.id for p in parametrize_with_checks([right, load_file(right)], checks=["closure"]).args[1]] == [
        f"{right}-closure", "momentum-closure"
    ]  # fmt: skip
