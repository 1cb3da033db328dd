"""Wrong input to run, check, gate, tables, baseline and history: told in a line, exit code 2, and nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import this_tree
from click.testing import CliRunner

from twinstep.bench.cli import cli
from twinstep.bench.gate import start
from twinstep.bench.records.tables import read_table

pytest_plugins = ("pytester", "inner_run")

FORMULA = '''"""A formula from somebody's folder.

    x <- x - lr g
"""
from twinstep.scratch_impls import Spec, case


def init(param):
    return {}


def update(param, grad, state, step, *, lr=0.1):
    return param - lr * grad, {}


SPEC = Spec(name="NAME", init=init, update=update, source="me", reference="SGD",
            cases=(case("default", "what one gets"), case("lr", "lr ignored", lr=0.4, problems=("bowl",))))
'''
STEP = "return param - lr * grad, {}"
CASES = FORMULA[FORMULA.index("cases=") : -2]
# name of a formula file -> what is replaced in it, by what
FORMULAS = {
    "right": ("", ""),
    "three_values": (STEP, "return param - lr * grad, {}, 1"),
    "loses_shape": (STEP, "return (param - lr * grad).sum(), {}"),
    "raises": (STEP, "raise RuntimeError('the kernel was not built')"),
    "raises_late": (STEP, "return (param - lr * grad if step < 9 else param.nothing), {}"),
    "ends": (STEP, "import os; os._exit(0)"),
    "leaves": (STEP, "raise SystemExit(0)"),
    "no_function": ("update=update", "update=3"),
    "no_cases": (CASES, 'cases={"a": 1}'),
    "no_twin": ('"SGD"', '"Sgdd"'),
    "no_name": ('reference="SGD"', "reference=3"),
    "no_problem": ('("bowl",)', '("bowll",)'),
    "undefined": ("source=", "sourze="),
    "misspelt": ("def init(param):", "def init(param:"),
}
CLASSES = """
import torch

class NoStep:
    def __init__(self, params, lr=0.1):
        pass

class Raises(torch.optim.SGD):
    def step(self, closure=None):
        raise RuntimeError("the fused kernel is missing")

def nothing(params, lr=0.1):
    pass
"""
GATE = """[tool.twinstep.gate]
source = "src"
packages = ["their_optim"]
ENTRY

[[tool.twinstep.gate.optimizers]]
optimizer = "their_optim:TheirAdam"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What somebody may have in a folder, wrong in many ways."""
    for name, (old, new) in FORMULAS.items():
        assert old in FORMULA, name
        (tmp_path / f"{name}.py").write_text(FORMULA.replace(old, new, 1).replace("NAME", name))
    (tmp_path / "latin.py").write_bytes(FORMULA.replace("NAME", "lätin").encode("latin-1"))
    (tmp_path / "nul.py").write_bytes(b"SPEC = 1\0\n")
    (tmp_path / "classes_of_theirs.py").write_text(CLASSES)
    (tmp_path / "hello.dat").write_text("hello")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    (tmp_path / "taken" / "losses.jsonl").mkdir(parents=True)
    (tmp_path / "taken" / "gate.jsonl").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "classes_of_theirs", raising=False)
    return tmp_path


def told(*words):
    """What the command says; it must end with 2, and without a traceback of ours."""
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 2, (done.output, done.exception)
    assert "twinstep/" not in done.output.replace(str(Path.cwd()), "") and "/bench/" not in done.output, done.output
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--formula three_values.py", "update returned 3 values; it must return (new parameter, new state)"),
        ("--formula loses_shape.py", "it must keep the shape"),
        ("--formula raises.py", "RuntimeError: the kernel was not built"),
        ("--formula raises_late.py", "AttributeError: 'Parameter' object has no attribute 'nothing'"),
        ("--formula ends.py", "ProcessEnded: os._exit(0)"),
        ("--formula leaves.py", "SystemExit: 0"),
        ("--formula no_function.py", "update must be a function"),
        ("--formula no_cases.py", "cases must be a tuple of case(...)"),
        ("--formula no_twin.py", "has no optimizer 'Sgdd'"),
        ("--formula no_name.py", "reference must be the name of a class"),
        ("--formula no_problem.py", "did you mean 'bowl'?"),
        ("--formula undefined.py", "unexpected keyword argument 'sourze'"),
        ("--formula misspelt.py", "'(' was never closed"),
        ("--formula latin.py", "can't decode byte 0xe4"),
        ("--formula nul.py", "null bytes"),
        ("--formula taken", "there is no formula file taken"),
        ("--formula bytes.csv", "a formula file ends in .py"),
        ("--formula right.py --against classes_of_theirs:NoStep", "made a NoStep, which has no step()"),
        ("--formula right.py --against classes_of_theirs:nothing", "made a NoneType, which has no step()"),
        ("--formula right.py --against classes_of_theirs:Raises", "RuntimeError: the fused kernel is missing"),
        ("--formula right.py --against os.path:join", "standard library, which has no optimizers"),
        ("--formula right.py --against torch.nn:Linear", "does not derive from torch.optim.Optimizer"),
        ("--optimizers gd --seeds 99999999999", "not in the range"),
        ("--optimizers gd --seeds 1e3", "not a valid integer"),
        ("--optimizers gd --out hello.dat/x", "cannot write into hello.dat/x"),
        ("--optimizers gd --out taken", "is no file, and the journal has this name"),
    ],
)
def test_run(folder, given, said):
    before = sorted(p for p in folder.rglob("*") if "__pycache__" not in p.parts)
    assert said in told("run", "--problems", "bowl", *([] if "--out" in given else ["--out", "o"]), *given.split())
    assert all(path.exists() for path in before)


def test_control_the_formula_that_is_right_runs(folder):
    done = CliRunner().invoke(cli, ["run", "--problems", "bowl", "--out", "o", "--formula", "right.py"])
    assert done.exit_code == 0, done.output


def test_what_was_finished_before_a_formula_raised_is_kept(folder):
    """Its own lines are told, and none of ours."""
    late = folder / "raises_late.py"
    late.write_text(late.read_text().replace("step < 9", "step < 100"))
    said = told("run", "--formula", late, "--problems", "bowl,rosenbrock", "--out", "o")
    assert f'File "{late}", line 13, in update' in said
    assert set(read_table("o/losses.csv").problem) == {"bowl"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("check adam --isolate --timeout nan", "how many seconds"),
        ("check adam --device meta", "no device 'meta' here"),
        ("check adam --cases bytes.csv", "bytes.csv is no TOML"),
        ("check adam --expect bytes.csv", "bytes.csv is no TOML"),
        ("check adam --json taken", "is a directory"),
        ("check no_function.py", "update must be a function"),
        ("tables nowhere", "nowhere holds no journal"),
        ("tables taken", "taken holds no journal"),
        ("tables hello.dat", "is a file"),
        ("history --out taken", "cannot read the journal taken/gate.jsonl"),
        ("baseline --losses bytes.csv", "is not a table of twinstep"),
        ("baseline --losses taken", "there is no table taken"),
        ("book --data hello.dat", "is not the published airfoil table"),
    ],
)
def test_other_commands(folder, words, said):
    assert said in told(*words.split())


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """commit(pyproject) makes the example library with it a repository; a gate's lock of its own."""
    monkeypatch.setattr(start, "LOCK", tmp_path / "lock")
    top = tmp_path / "library"
    shutil.copytree(this_tree.ROOT / "tests" / "example_library", top)
    monkeypatch.chdir(top)

    def commit(text):
        (top / "pyproject.toml").write_text(text)
        for words in ("init -q", "add -A", "-c user.name=a -c user.email=b commit -qm x"):
            subprocess.run(["git", *words.split()], check=True, cwd=top, capture_output=True)

    return commit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("this is = no [toml", "pyproject.toml cannot be read"),
        ("[tool]\ntwinstep = 3\n", "is 3, which is no table of keys"),
        ("[tool.twinstep]\ngate = []\n", "is [], which is no table of keys"),
        (GATE.replace("ENTRY", "benchmarks = [3]"), "benchmarks = [3]: it must be a list of texts"),
        (GATE.replace("ENTRY", 'benchmarks = ["nocolon"]'), "'nocolon' names nothing"),
        (GATE.replace("ENTRY", "threshold = nan"), "threshold=nan"),
        (GATE.replace("ENTRY", "formulas = 1"), "it must be true or false"),
        (GATE.replace("ENTRY", "optimisers = []"), "did you mean 'optimizers'?"),
        (GATE.replace("ENTRY", "").replace('"src"', "3"), "source = 3: it must be text"),
        (GATE.replace("ENTRY", "").replace('"src"', '"nowhere"'), "source = 'nowhere': the base has no such folder"),
        (GATE.replace("ENTRY", "").replace('"src"', '"../.."'), "source = '../..': the base has no such folder"),
        (GATE.replace("ENTRY", "").replace('["their_optim"]', '"their_optim"'), "it must be a list of texts"),
        (GATE.replace("ENTRY", "").replace('["their_optim"]', '["nope"]'), "packages names 'nope'"),
    ],
)
def test_gate(repository, text, said):
    repository(text)
    assert said in told("gate", "--base", "HEAD", "--out", "o")


@pytest.mark.parametrize("base", ["", "HEAD~99", "-x", "HEAD:src"])
def test_gate_of_no_commit(repository, base):
    repository(GATE.replace("ENTRY", ""))
    assert f"there is no commit {base!r} here" in told("gate", "--base", base, "--out", "o")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--benchmark-only --data=nowhere", "there is no such file or folder"),
        ("--benchmark-only -n 2", "workers would time each other"),
        ("--benchmark-only -k nothing_like_it", "nothing was timed"),
        ("--seeds=-1", "--seeds=-1: how many seeds?"),
    ],
)
def test_benchmarks(run, capsys, options, said):
    """Of a small session under our conftest."""
    assert run(*options.split()) == pytest.ExitCode.USAGE_ERROR
    told = "".join(capsys.readouterr())
    assert said in told and "Traceback" not in told


def test_benchmarks_whose_tables_would_have_no_place(run, pytester, capsys):
    (pytester.path / "file").touch()
    assert run("--benchmark-only", results="file/results") == pytest.ExitCode.USAGE_ERROR
    assert "cannot write into" in capsys.readouterr().err
