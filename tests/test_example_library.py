"""A stranger's library is guarded by the action as it stands: its script runs here, with what its inputs would give.

Only the installation is replaced: the command `twinstep` is this tree's.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest
import this_tree
import yaml

EXAMPLE = this_tree.ROOT / "tests" / "example_library"
ACTION = yaml.safe_load((this_tree.ROOT / ".github/actions/gate/action.yml").read_text(encoding="utf-8"))
COMMENT = yaml.safe_load((this_tree.ROOT / ".github/workflows/comment.yml").read_text(encoding="utf-8"))
RMSPROP, ADAM = "their_optim:TheirRMSprop", "their_optim:TheirAdam"
BENCHMARK = "benchmarks.steps:adam_with_many_small_parameters"


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def save(folder, message="what it says"):
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=they", "-c", "user.email=they@example.org", "commit", "--quiet", "-m", message)


def script(steps, name):
    return next(step["run"] for step in steps if step.get("name") == name)


def bash(text, folder, **env):
    # As a composite action's `shell: bash` does it.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    return subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True)


def program(file, *command):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
    file.chmod(0o755)


class Library:
    """A repository of the example, with a base and whatever a test changes after it."""

    def __init__(self, tmp_path):
        self.root, self.temp = tmp_path / "library", tmp_path / "runner"
        shutil.copytree(EXAMPLE, self.root, ignore=shutil.ignore_patterns("__pycache__", ".ruff_cache", "*.egg-info"))
        git(tmp_path, "init", "--quiet", "--initial-branch=main", self.root)
        save(self.root)
        self.base = git(self.root, "rev-parse", "HEAD")
        program(self.temp / "twinstep/bin/python", sys.executable)
        program(self.temp / "twinstep/bin/twinstep", sys.executable, "-P", this_tree.ROOT / "tests" / "this_tree.py")

    def edit(self, file, old, new):
        text = (self.root / file).read_text()
        assert text.count(old) == 1, f"{file} no longer has {old!r} once"
        (self.root / file).write_text(text.replace(old, new))
        save(self.root)

    def gate(self, labels=(), only="", more=""):
        """(exit code, gate.json, what was said)"""
        done = bash(
            script(ACTION["runs"]["steps"], "gate"), self.root, RUNNER_TEMP=str(self.temp), BASE=self.base, ACCEPT="",
            ARGS=" ".join([*(["--only", shlex.quote(only)] if only else []), more]), LABELS=json.dumps(labels or None),
            GITHUB_STEP_SUMMARY=str(self.temp / "summary.md"), TMPDIR=str(self.temp), CI="true",
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert (self.temp / "gate/gate.json").is_file(), said
        body = json.loads((self.temp / "gate/gate.json").read_text())
        assert body["exit_code"] == done.returncode
        assert (self.temp / "summary.md").read_text() == (self.temp / "gate/gate.md").read_text()
        if done.returncode == 3:
            pytest.skip("this machine is too busy for a gate to decide")
        return done.returncode, body, said


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path)


def faults(body):
    return {(fault["kind"], fault["name"]) for fault in body["faults"]}


def remove_benchmark(library):
    library.edit("benchmarks/steps.py", "def adam_with_many_small_parameters", "def renamed")


@pytest.mark.thorough("a second gate, ten seconds; what does nothing is found in test_gate_agreement")
def test_what_is_timed_and_does_nothing_has_a_code_of_its_own(library):
    """Its gradients are gone after the first step: nothing slower, and nothing done."""
    once = "    optimizer = TheirAdam(params)\n    return lambda: (optimizer.step(), optimizer.zero_grad())"
    library.edit("benchmarks/steps.py", "    return TheirAdam(params).step", once)
    library.base = git(library.root, "rev-parse", "HEAD")
    library.edit("README.md", "Two optimizers", "2 optimizers")
    code, body, said = library.gate(only=BENCHMARK)
    assert code == 4 and faults(body) == {("idle", BENCHMARK)}, said
    assert not body["cells"] and "every gradient is None" in said


def test_what_does_not_agree_is_red_and_not_timed(library):
    library.edit("src/their_optim/roots.py", "square.sqrt().add_(eps)", "square.add(eps).sqrt()")
    code, body, said = library.gate(only=RMSPROP)
    assert code == 1, said
    assert {kind for kind, _ in faults(body)} <= {"agreement", "loss"}, "its benchmark is there"
    assert ("agreement", f"{RMSPROP}:one-step") in faults(body) and "eps stands inside the root" in said
    assert ADAM not in body["checks"] and any("1 optimizers" in note and "--only" in note for note in body["notes"])
    assert not body["cells"] and f"{RMSPROP} is not timed, since it does not agree" in body["notes"]


@pytest.mark.thorough("times two benchmarks of the example: half a minute")
def test_what_the_base_disagrees_in_as_well_is_told_timed_and_no_red(library):
    library.edit("src/their_optim/roots.py", "square.sqrt().add_(eps)", "square.add(eps).sqrt()")
    library.base = git(library.root, "rev-parse", "HEAD")
    library.edit("README.md", "Two optimizers", "2 optimizers")
    code, body, said = library.gate(only=RMSPROP)
    assert code == 0 and not body["faults"], said
    assert any(f"{RMSPROP}:one-step fails on the base too, on this machine" in note for note in body["notes"])
    assert len(body["cells"]) == 2


@pytest.mark.thorough("times two benchmarks of the example: half a minute")
def test_a_benchmark_that_vanished_is_red_with_a_code_of_its_own(library):
    (library.root / "statistics.py").write_text("raise RuntimeError('taken for the standard library')\n")
    remove_benchmark(library)
    code, body, said = library.gate(only=BENCHMARK, more="--keep-going")
    assert code == 4, said
    assert faults(body) == {("vanished", BENCHMARK)}
    assert list(body["cells"]) == [BENCHMARK], "the base's is timed in both trees"


@pytest.mark.thorough("times every benchmark of the example: half a minute")
def test_a_comment_changes_nothing(library):
    library.edit("src/their_optim/rmsprop.py", "        alpha, square =", "        # both\n        alpha, square =")
    code, body, said = library.gate()
    assert code == 0, said
    assert len(body["cells"]) == body["expected"]["cells"] == 5 and BENCHMARK in body["cells"]


@pytest.mark.thorough("times and confirms every benchmark of the example: a minute")
def test_work_that_is_added_is_red_where_it_was_added(library):
    slower = "        for _ in range(4):\n            square = square * 1.0\n        scale = root("
    library.edit("src/their_optim/rmsprop.py", "        scale = root(", slower)
    code, body, said = library.gate()
    assert code == 1, said
    red = {name for name, cell in body["cells"].items() if cell["verdict"] == "REGRESSION"}
    assert red == {f"{RMSPROP}/default tiny", f"{RMSPROP}/default mlp"}
    assert not body["faults"]


@pytest.mark.thorough("times three benchmarks of the example: half a minute")
def test_a_removal_is_accepted_by_a_label(library):
    remove_benchmark(library)
    labels = [
        {"name": "gate-accept: benchmarks.steps:adam_with...", "description": BENCHMARK},
        {"name": "gate-accept: $(touch injected)`touch injected`", "description": None},
        {"name": "documentation", "description": None},
    ]
    code, body, said = library.gate(labels, only=ADAM)
    assert code == 0, said
    assert [fault["accepted"] for fault in body["faults"]] == [True]
    assert "accepted: vanished" in (library.temp / "gate/gate.md").read_text()
    assert not (library.root / "injected").exists()


def test_a_shallow_checkout_gets_its_base(library, tmp_path):
    library.edit("README.md", "Two optimizers", "2 optimizers")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", library.root.as_uri(), shallow)
    done = bash(script(ACTION["runs"]["steps"], "the base"), shallow, BASE=library.base)
    assert done.returncode == 0, done.stderr
    assert git(shallow, "merge-base", library.base, "HEAD") == library.base


def test_no_input_stands_in_a_script():
    for file in this_tree.ROOT.glob(".github/**/*.yml"):
        described = yaml.safe_load(file.read_text(encoding="utf-8"))
        jobs = described["jobs"].values() if "jobs" in described else [described["runs"]]
        for step in (step for job in jobs for step in job["steps"]):
            assert "${{" not in step.get("run", ""), f"{file}: {step}"


GH = """
import json, os, pathlib, sys

words = sys.argv[1:]
with open("calls", "a") as file:
    file.write(json.dumps(words) + "\\n")
if words[:2] == ["run", "download"]:
    pathlib.Path("artifact").mkdir()
    pathlib.Path("artifact/gate.md").write_text(os.environ["REPORT"])
elif "--jq" in words:
    print(os.environ["NUMBERS" if "repos/we/ours/pulls" in words else "COMMENTS"])
"""


def comment(folder, *, numbers="7", comments="", report="### PASS"):
    """The calls of `gh`, and the comment that was made of the report."""
    (folder / "gh.py").write_text(GH)
    program(folder / "bin/gh", sys.executable, folder / "gh.py")
    said = {"REPO": "we/ours", "RUN_ID": "1", "RUN_URL": "https://example.org/1", "HEAD_SHA": "abc", "HEAD_REPO": "a/b"}
    more = {"HEAD_OWNER": "a", "HEAD_BRANCH": "$(touch injected)", "MARKER": "<!-- twinstep gate -->"}
    given = {"NUMBERS": numbers, "COMMENTS": comments, "REPORT": report, "RUNNER_TEMP": str(folder)}
    text = script(COMMENT["jobs"]["comment"]["steps"], "the gate's table as a comment")
    done = bash(text, folder, **said, **more, **given, PATH=f"{folder / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert not (folder / "injected").exists()
    made = folder / "body.json"
    calls = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    return calls, json.loads(made.read_text())["body"] if made.exists() else None


@pytest.mark.parametrize(
    ("comments", "call"),
    [
        ("", ["--method", "POST", "repos/we/ours/issues/7/comments"]),
        ("31\n44", ["--method", "PATCH", "repos/we/ours/issues/comments/31"]),
    ],
    ids=["first", "again"],
)
def test_one_comment_is_made_and_then_edited(tmp_path, comments, call):
    calls, body = comment(tmp_path, comments=comments, report="@everybody `$(touch injected)`\n" + "x" * 70_000)
    assert calls[-1][1:4] == call
    assert body.startswith("<!-- twinstep gate -->\n") and "cut to 60000" in body
    assert 60_000 < len(body) < 60_300 and "@everybody" not in body


@pytest.mark.parametrize("numbers", ["", "7\n8"], ids=["none", "two"])
def test_a_commit_that_names_no_single_pull_request_gets_no_comment(tmp_path, numbers):
    calls, body = comment(tmp_path, numbers=numbers)
    assert len(calls) == 1 and body is None
