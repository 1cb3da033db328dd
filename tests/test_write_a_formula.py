"""The tutorial, run as it stands; the commands that it uses."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from twinstep.bench.cli import cli
from twinstep.bench.report.mathematics import as_mathematics
from twinstep.scratch_impls import SpecError, literature_names, load_file, names

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "write-a-formula.md").read_text(encoding="utf-8")
FORMULA, CLASS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^    twinstep (.*)$", PAGE, re.MULTILINE)
SAID = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def twinstep(words):
    return CliRunner().invoke(cli, words.split())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("theirs", None)


def test_the_page_runs_as_it_stands(folder):
    new, first, second, formula, judge = COMMANDS
    assert twinstep(new).exit_code == 0
    refused = twinstep(first)
    assert refused.exit_code == 2 and refused.output.strip() == SAID[0].strip(), "what the skeleton lacks"
    Path("adabelief.py").write_text(FORMULA)
    passed = twinstep(second)
    assert passed.exit_code == 0 and SAID[1].strip() in passed.output, passed.output
    shown = twinstep(f"{formula} --quick")
    assert shown.exit_code == 0 and "s ← β₂ s + (1 - β₂) (g - m)² + ε               s₀ = 0" in shown.output, (
        shown.output
    )
    Path("theirs.py").write_text(CLASS)
    failed = twinstep(judge)
    assert failed.exit_code == 1, failed.output
    assert all(line in failed.output for line in SAID[2].split("\n")), failed.output
    line = "value=1 - beta2)\n"
    assert line in CLASS
    Path("theirs.py").write_text(CLASS.replace(line, f'{line}                s.add_(group["eps"])\n'))
    sys.modules.pop("theirs", None)
    assert twinstep(judge).exit_code == 0, "mended as the page says"


def test_new_replaces_no_file_and_takes_no_name_that_is_none(folder):
    assert twinstep("new mine").exit_code == 0
    again = twinstep("new mine")
    assert again.exit_code == 2 and "mine.py is there already" in again.output
    for name in ("My-Adam", "class", "a/b"):
        wrong = twinstep(f"new {name}")
        assert wrong.exit_code == 2 and "is no name of a formula" in wrong.output


def test_what_the_skeleton_lacks_is_all_that_keeps_it_from_loading(folder):
    twinstep("new mine")
    file = Path("mine.py")
    file.write_text(
        file.read_text()
        .replace(".m < - beta", "m <- beta")
        .replace('source=""', 'source="me"')
        .replace("passes nothing", "passes nothing, and")
    )
    with pytest.raises(SpecError, match="no case gives lr a value other than its default\n  no case gives beta"):
        load_file(file)
    file.write_text(file.read_text().replace("    ),\n)", '        case("all", "each", lr=0.1, beta=0.5),\n    ),\n)'))
    assert load_file(file).name == "mine"


# What the page says of a file that is refused -> a line of its formula, and what stands there instead.
REFUSED = {
    ".clamp": "m = grad.clamp(-1, 1)",
    "import os": "import os; m = grad",
    "it changes its input": 'm = state["exp_avg"]; m += grad',
    "it must keep the shape": 'm = state["exp_avg"]; param = reshape(param, (-1, 1, 1))',
    "it must keep the format": 'm = state["exp_avg"]; param = astype(param, "float64")',
    "ask for it": "import numpy as np; m = np.random.normal(grad)",
    "the first step divides by zero": 'm = grad / state["exp_avg"]',
    "init makes m": 'm = state.get("exp_avg")',
}


@pytest.mark.parametrize("said", re.findall(r"^\| [^|]+ \| `([^`]+)` \|$", PAGE, re.MULTILINE))
def test_what_the_page_says_is_refused_is(folder, said):
    (told,) = (key for key in REFUSED if said.startswith(key))
    line = 'm = beta1 * state["exp_avg"] + (1 - beta1) * grad'
    text = FORMULA.replace("import Spec, State, case", "import Spec, State, astype, case, reshape")
    text = text.replace(line, REFUSED[told])
    if told == "init makes m":
        text = text.replace('return {"exp_avg"', 'return {"m": 0 * param, "exp_avg"')
    Path("adabelief.py").write_text(text)
    with pytest.raises(SpecError) as error:
        load_file("adabelief.py")
    assert said in str(error.value)
    assert re.match(r"adabelief\.py:\d+: ", str(error.value)), "with its line"


@pytest.mark.parametrize("name", [*names(), *literature_names()])
def test_every_formula_is_shown_as_mathematics(name):
    shown = twinstep(f"formula {name} --quick")
    assert shown.exit_code == 0 and "←" in shown.output and "<-" not in shown.output.partition("Source")[0]


def test_mathematics_keeps_columns_and_leaves_words_alone():
    text = "Adam with eps.\n\n    v <- beta2 v + (1 - beta2) g^2     v_0 = 0\n\nSource  eps and beta1."
    assert as_mathematics(text) == (
        "Adam with eps.\n\n    v ← β₂ v + (1 - β₂) g²             v₀ = 0\n\nSource  eps and beta1."
    )


def test_formula_measures_bounds_of_a_name_and_of_a_file(folder):
    shown = twinstep("formula gd")
    assert shown.exit_code == 0 and "torch-foreach" in shown.output and "the largest gap" in shown.output
    assert twinstep("formula no_such_name").exit_code == 2
