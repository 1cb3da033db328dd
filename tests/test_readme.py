"""What README says can be done can be done."""

from __future__ import annotations

import re

import this_tree
from click.testing import CliRunner

from twinstep.bench.cli import cli
from twinstep.scratch_impls import load_file

README = (this_tree.ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^    (python3 -m venv .*)$", README, re.MULTILINE)
    assert len(commands) == 2, "one command runs the main job, one the tests"
    assert commands[1] in (this_tree.ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_example_formula_is_complete(tmp_path):
    example = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "SPEC = Spec(" in block)
    name = re.search(r'name="(\w+)"', example)[1]
    file = tmp_path / f"{name}.py"
    file.write_text(example.replace("from .spec import", "from twinstep.scratch_impls import"))
    assert load_file(file).name == name


def test_the_example_of_a_failure_is_what_the_command_prints(importable):
    """But for the numbers, which another processor may round otherwise."""

    def without_numbers(text):
        return re.sub(r"-?\d[\d.e+-]*", "N", " ".join(text.split()))

    example = (this_tree.ROOT / "tests" / "doors" / "eps_inside.py").read_text(encoding="utf-8")
    (importable / "their_package.py").write_text(example, encoding="utf-8")
    done = CliRunner().invoke(cli, ["check", "their_package:TheirRMSprop", "--against", "torch.optim:RMSprop"])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1].startswith("eps stands inside the root: explains 9 of 9 failures: one-step")
    assert len(done.stdout.splitlines()) <= 25
    shown = re.search(r"^    their_package:TheirRMSprop against .*?(?=^\S)", README, re.MULTILINE | re.DOTALL)[0]
    assert without_numbers(shown) == without_numbers(done.stdout)


def test_every_command_that_is_named_exists():
    named = set(re.findall(r"(?:`|^    |/)twinstep (\w+)", README, re.MULTILINE))
    assert named >= {"run", "book", "list", "check", "gate", "noise", "history"}
    for command in sorted(named):
        done = CliRunner().invoke(cli, [command, "--help"])
        assert done.exit_code == 0, f"README names `twinstep {command}`"


def test_the_workflow_is_the_one_of_the_example():
    example = this_tree.ROOT / "tests" / "example_library"
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert shown == (example / ".github/workflows/gate.yml").read_text(encoding="utf-8")
    (table,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    given = (example / "pyproject.toml").read_text(encoding="utf-8")
    assert all(line in given.splitlines() for line in table.splitlines())
