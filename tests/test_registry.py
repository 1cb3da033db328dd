"""The folder is the registry: one new file is one new optimizer, and a file that lacks something is told what."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from agreement_cells import lacking

from twinstep.bench.speed import contest
from twinstep.scratch_impls import SpecError, UnknownName, all_specs, load, load_file, names

ROOT = Path(__file__).parent.parent

SIGNED = '''"""Descent by the sign of the gradient.

    x <- x - lr g / |g|
"""

from {spec} import Spec, State, case


def init(param) -> State:
    return {{}}


def update(param, grad, state, step, *, lr=1e-3, weight_decay=0):
    g = grad + weight_decay * param
    return param - lr * g, {{}}


SPEC = Spec(
    name="signed",
    init=init,
    update=update,
    source="nobody",
    reference="SGD",
    cases=(
        case("default", "what a user gets"),
        case("both", "each option", lr=0.1, weight_decay=0.1),
    ),
)
'''


@pytest.fixture
def formula_file(tmp_path):
    def write(text=SIGNED, name="signed.py"):
        path = tmp_path / name
        path.write_text(text.format(spec="twinstep.scratch_impls"))
        return path

    return write


def test_every_registered_formula_is_complete():
    assert set(names()) >= {"gd", "momentum", "adagrad", "rmsprop"}
    for spec in all_specs():
        assert len({c.reason for c in spec.cases}) == len(spec.cases), f"{spec.name}: two cases give one reason"


def test_every_option_is_judged_by_this_torch():
    """An older torch lacks an option or two; the cases that need them are not judged then, and this says so."""
    absent = {
        f"{s.name}/{c.name}": lacking(s, c)
        for s in all_specs()
        for c in s.cases
        if c.reference == "torch" and lacking(s, c)
    }
    if absent:
        pytest.skip(f"torch {torch.__version__} lacks options: {absent}")


TWO_SESSIONS = """
import pytest
options = ["-q", "-p", "no:cacheprovider", "-k", "signed"]
ended = pytest.main(["tests/test_replay.py", *options])
print("and the benchmarks:")
pytest.main(["tests/test_benchmarks.py", "--benchmark-only", "--collect-only", *options])
raise SystemExit(ended)
"""


def test_one_new_file_is_a_new_optimizer_with_tests(tmp_path):
    """In a copy of the tree, a dropped file appears in the registry, in the tests and in the benchmarks."""
    copy = tmp_path / "tree"
    ignored = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "last", "build")
    shutil.copytree(ROOT, copy, ignore=ignored)
    (copy / "scratch_impls" / "signed.py").write_text(SIGNED.format(spec=".spec"))
    run = subprocess.run([sys.executable, "-c", TWO_SESSIONS], cwd=copy, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    tests, listed = run.stdout.split("and the benchmarks:")
    # 2 cases, 3 paths x 2 dtypes of the probe, and the long run, and more: nothing of it was written by hand
    passed = int(re.search(r"(\d+) passed", tests)[1])
    assert passed >= 11 and "signed" in listed, run.stdout


def test_a_formula_file_from_any_folder(formula_file):
    spec = load_file(formula_file())
    assert spec.name == "signed"
    assert spec.formula.startswith("Descent by the sign")


def test_a_formula_without_a_twin_stands_beside_itself_on_numpy(formula_file):
    spec = load_file(formula_file(SIGNED.replace('reference="SGD"', "reference=None")))
    assert contest.twin(spec)[0] == "scratch-numpy"
    assert contest.implementations(spec) == ("scratch-numpy", "scratch")
    assert contest.disagreement(spec, spec.cases[1], "scratch", "float64") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("SPEC = Spec(", "OTHER = Spec(", "must define SPEC"),
        ('name="signed"', 'name="other"', "they must be the same"),
        ("step, *, lr", "*, lr", "update must begin with"),
        ("weight_decay=0):", "weight_decay=0, **rest):", "catch-all"),
        ("lr=1e-3, weight", "rate=1e-3, weight", "must take the keyword lr"),
        ("weight_decay=0):", "weight_decay):", "weight_decay must have a default"),
        ("def init(param)", "def init(param, *, rho)", "init asks for rho"),
        ("x <- x", "x = x", "must give the formula"),
        ('source="nobody"', 'source=""', "source must not be empty"),
        ('reference="SGD"', 'reference=""', "or be None where there is none"),
        ('"what a user gets"', '""', "must say why"),
        ('case("both"', 'case("default"', "used twice"),
        ("weight_decay=0.1)", "momentum=0.1)", "no option 'momentum'"),
        ("weight_decay=0.1)", "weight_decay=-1)", "invalid weight_decay"),
        (", weight_decay=0.1)", ")", "no case gives weight_decay"),
    ],
)
def test_a_file_that_lacks_something_is_told_what(formula_file, old, new, told):
    assert old in SIGNED
    with pytest.raises(SpecError, match=told):
        load_file(formula_file(SIGNED.replace(old, new)))


def test_a_missing_file_and_an_unknown_name(tmp_path):
    with pytest.raises(SpecError, match="no formula file"):
        load_file(tmp_path / "absent.py")
    with pytest.raises(UnknownName, match="did you mean 'rmsprop'"):
        load("rmsprob")
