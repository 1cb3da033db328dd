"""A folder whose files are the list: one file dropped there is found wherever there is a list of them.

Optimizers have a test of their own, in test_registry.py; files that are refused, in test_refused_files.py.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from twinstep.bench import cli
from twinstep.bench.battery import checks
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.study import problems

ROOT = Path(__file__).resolve().parents[1]

CHECK = '''"""A second step moves the parameters again."""

from __future__ import annotations

import torch

from ...context import Context, check, parameters
from ...result import Failed


@check("T10", place=9, since="0.3")
def second_step(c: Context) -> None:
    (p,) = params = parameters(c.seed, ((4,),), c.dtypes[0], c.device)
    optimizer = c.build(params, **c.cases[0].hyper)
    seen = []
    for _ in range(2):
        p.grad = torch.ones_like(p)
        optimizer.step()
        seen.append(p.detach().clone())
    if torch.equal(*seen):
        raise Failed("the second step moves nothing")
'''

BUG = '''"""Mistakes that the check second-step must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T10", "second-step")
class SGDStepsOnce(PlainSGD):
    """After its first step it does nothing."""

    def step_group(self, group):
        if not hasattr(self, "done"):
            super().step_group(group)
        self.done = True
'''

PROBLEM = '''"""A parabola.

    f(x) = x^2 / 2
"""

from __future__ import annotations

import torch

from ._problem import Objective, Problem, parameter, without_batches


def setup(seed, dtype, device, data) -> Objective:
    return without_batches(parameter([3.0], dtype, device), lambda x: 0.5 * torch.dot(x, x))


PROBLEM = Problem(name="one-parabola", what="a parabola", source="school", steps=20, setup=setup, minimum=0.0)
'''

COMMAND = '''"""`twinstep greet`: says hello."""

import click


@click.command()
def greet() -> None:
    """Says hello."""
    click.echo("hello")
'''

DROPPED = {
    "bench/battery/checks/structure/second_step.py": CHECK,
    "tests/planted/second_step.py": BUG,
    "bench/study/problems/one_parabola.py": PROBLEM,
    "bench/cli/greet.py": COMMAND,
}

# What each door of the copy says of the dropped files; in one process, since importing torch takes seconds.
DRIVER = """
import json, runpy, sys, types
root = sys.argv[1]
twinstep = types.ModuleType("twinstep")
twinstep.__path__ = [root]
sys.modules["twinstep"] = twinstep
sys.path[:0] = [root + "/tests"]
from click.testing import CliRunner
from twinstep.bench.cli import cli
from twinstep.bench.report.pages import checks_page
from twinstep.bench.study import problems

def said(*arguments):
    done = CliRunner().invoke(cli, arguments)
    return [done.exit_code, done.output]

found = {
    "check": said("check", "torch.optim:SGD", "--quick", "--checks", "second-step"),
    "bug": said("check", "planted.second_step:SGDStepsOnce", "--quick", "--checks", "second-step,step-moves"),
    "docs": checks_page(),
    "list": said("list"),
    "problems": problems.names(),
    "help": said("--help"),
    "greet": said("greet"),
}
runpy.run_path(root + "/tests/planted/_make_matrix.py", run_name="__main__")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a copy of the tree says once the files are dropped; its only planted bug is the new one, for time."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("bench", "reference", "scratch_impls", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for bug in (p for name in CHECKS if (p := copy / "tests" / "planted" / f"{name.replace('-', '_')}.py").is_file()):
        bug.unlink()
    (copy / "tests" / "planted" / "matrix.json").write_text("{}")
    for place, text in DROPPED.items():
        (copy / place).write_text(text)
    command = [sys.executable, "-c", DRIVER, str(copy)]
    run = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    matrix = json.loads((copy / "tests" / "planted" / "matrix.json").read_text())
    return {**json.loads(run.stdout.splitlines()[-1]), "matrix": matrix}


def test_a_dropped_check_is_in_the_report_the_docs_and_the_matrix(found):
    code, output = found["check"]
    assert code == 0 and "torch.optim:SGD: 1 checks ran: 1 passed" in output, output
    code, output = found["bug"]
    assert code == 1 and "second-step: failed: " in output and "step-moves: failed" not in output, output
    assert "| `second-step` | T10 | 0.3 | A second step moves the parameters again. |" in found["docs"]
    lines = found["docs"].splitlines()
    before, after = (next(i for i, line in enumerate(lines) if f"`{name}`" in line) for name in neighbours())
    assert before < next(i for i, line in enumerate(lines) if "second-step" in line) < after, "in its folder's place"
    assert list(found["matrix"]) == ["sgd-steps-once"] and "second-step" in found["matrix"]["sgd-steps-once"]


def neighbours():
    """The last check of the folder `structure` and the first of the next."""
    chapter = {path.stem.replace("_", "-"): path.parent.name for path in checks.files()}
    return next((a, b) for a, b in itertools.pairwise(CHECKS) if chapter[a] == "structure" != chapter[b])


def test_a_dropped_problem_is_listed(found):
    code, output = found["list"]
    assert code == 0 and "one-parabola" in found["problems"], found["problems"]
    assert "a parabola" in output, output


def test_a_dropped_command_is_in_the_help_and_runs(found):
    code, output = found["help"]
    assert code == 0 and "greet" in output and "Says hello." in output, output
    assert found["greet"] == [0, "hello\n"]


def test_control_without_the_files_nothing_is_found():
    assert "second-step" not in checks.names() and "one-parabola" not in problems.names()
    assert "greet" not in cli.names()
    done = CliRunner().invoke(cli.cli, ["check", "torch.optim:SGD", "--checks", "second-step"])
    assert done.exit_code == 2 and "no 'second-step'" in done.output, done.output
