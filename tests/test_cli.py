"""The command line: what it writes, how it refuses, and that nothing is lost when it is interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from twinstep.bench.cli import cli
from twinstep.bench.records.journal import DamagedJournal
from twinstep.bench.records.tables import read_table

THIS_TREE = Path(__file__).with_name("this_tree.py")
QUICK = ["--optimizers", "gd", "--problems", "bowl"]


def twinstep(*args):
    """The command in this process, standard output and error apart."""
    return CliRunner().invoke(cli, [str(a) for a in args])


def test_run_writes_tables_and_pictures(tmp_path):
    done = twinstep(
        "run", "--optimizers", "gd,rmsprop", "--problems", "bowl,quadratic", "--seeds", 2, "--out", tmp_path
    )
    assert done.exit_code == 0, done.output
    losses = read_table(tmp_path / "losses.csv")
    # the bowl has one seed, the quadratic two; two optimizers, two implementations
    assert len(losses) == (1 + 2) * 2 * 2
    assert losses.pivot_table(
        index=["optimizer", "problem", "seed"], columns="implementation", values="final_loss"
    ).shape == (6, 2)
    assert (read_table(tmp_path / "agreement.csv").gap_bounds <= 1).all()
    assert (read_table(tmp_path / "timings.parquet").ratio > 0).all()
    assert {p.name for p in tmp_path.glob("*.png")} == {"losses-bowl.png", "traces-bowl.png", "losses-quadratic.png"}


def test_the_same_seeds_give_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        assert twinstep("run", *QUICK, "--out", tmp_path / folder).exit_code == 0
    for table in ("losses.csv", "agreement.csv"):
        assert (tmp_path / "a" / table).read_bytes() == (tmp_path / "b" / table).read_bytes()
    assert twinstep("run", *QUICK, "--dtype", "float32", "--out", tmp_path / "c").exit_code == 0
    assert (tmp_path / "a" / "losses.csv").read_bytes() != (tmp_path / "c" / "losses.csv").read_bytes()


FORMULA = '''"""A formula from somebody's folder.

    x <- x - lr g
"""
from twinstep.scratch_impls import Spec, case


def init(param):
    return {}


def update(param, grad, state, step, *, lr=0.1):
    return param - STEP, {}


SPEC = Spec(name="mine", init=init, update=update, source="me", reference="SGD",
            cases=(case("default", "what one gets"), case("lr", "lr ignored", lr=0.4, problems=("bowl",))))
'''


@pytest.mark.parametrize(("step", "wrong"), [("lr * grad", False), ("lr * 1.001 * grad", True)])
def test_a_formula_file_against_a_class(tmp_path, step, wrong):
    file = tmp_path / "mine.py"
    file.write_text(FORMULA.replace("STEP", step))
    given = ["--formula", file, "--against", "torch.optim:SGD", "--problems", "bowl", "--out", tmp_path / "out"]
    done = twinstep("run", *given)
    assert done.exit_code == (1 if wrong else 0), done.output
    assert ("WRONG" in done.output) == wrong
    assert set(read_table(tmp_path / "out" / "losses.csv").implementation) == {"scratch", "torch.optim:SGD"}


@pytest.mark.parametrize(("lr", "wrong"), [("1e30", True), ("0.4", False)])
def test_losses_that_are_no_numbers_agree_with_nothing(tmp_path, lr, wrong):
    file = tmp_path / "mine.py"
    file.write_text(FORMULA.replace("STEP", "lr * grad").replace("lr=0.4", f"lr={lr}"))
    given = ["--formula", file, "--against", "torch.optim:SGD", "--problems", "bowl", "--out", tmp_path / "out"]
    done = twinstep("run", *given)
    assert done.exit_code == wrong, done.output
    said = "the final loss of scratch and torch.optim:SGD is not finite, which agrees with nothing (bowl)"
    assert (said in done.output) == wrong
    assert done.output.splitlines()[-1].startswith("0 of 1 cells agree, 1 wrong" if wrong else "1 of 1 cells agree")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--optimizers", "rmsprob"], "did you mean 'rmsprop'"),
        (["--problems", "bowll"], "did you mean 'bowl'"),
        (["--problems", ","], "names nothing"),
        (["--seeds", "0"], "0 is not in the range"),
        (["--dtype", "float16"], "'float16' is not one of"),
        (["--data", "/no/such/file"], "does not exist"),
        (["--formula", "/no/such/file.py"], "no formula file"),
        (["--against", "torch.optim.SGD"], "write MODULE:CLASS"),
        (["--against", "no_such_module:SGD"], "cannot import no_such_module"),
        (["--against", "torch.optim:Sgd"], "has no 'Sgd'"),
        (["--against", "math:pi"], "standard library"),
        (["--against", "torch:float32"], "is a dtype"),
    ],
)
def test_bad_input_is_told_and_exits_with_2(tmp_path, args, told):
    done = twinstep("run", *(QUICK[2:] if "--formula" in args else QUICK), *args, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_a_case_option_that_the_formula_does_not_take(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FORMULA.replace("STEP", "lr * grad").replace("lr=0.4, problems", "rho=0.4, problems"))
    done = twinstep("run", "--formula", file, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "mine takes no option 'rho'; it takes lr" in done.output


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/1").exists(), reason="needs a folder that nobody can write")
def test_an_output_folder_that_cannot_be_written():
    done = twinstep("run", *QUICK, "--out", "/proc/1/twinstep")
    assert done.exit_code == 2
    assert "cannot write" in done.output


def test_a_foreign_table_is_not_overwritten(tmp_path):
    foreign = tmp_path / "losses.csv"
    foreign.write_text("date,amount\n2020-01-01,5\n")
    done = twinstep("run", *QUICK, "--out", tmp_path)
    assert done.exit_code == 2
    assert "is not a losses table of twinstep" in done.output
    assert foreign.read_text() == "date,amount\n2020-01-01,5\n"
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_half_written_journal_is_set_aside_and_told(tmp_path):
    assert twinstep("run", *QUICK, "--out", tmp_path).exit_code == 0
    journal = tmp_path / "losses.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"optimizer": "gd", "ca')
    with pytest.warns(DamagedJournal, match="ended in half a line"):
        done = twinstep("run", *QUICK, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert journal.read_bytes().startswith(whole)
    assert b'"ca' in (tmp_path / "losses.jsonl.damaged").read_bytes()


def test_list_names_everything():
    done = twinstep("list")
    assert done.exit_code == 0
    for name in ("rmsprop", "eps-placement", "Adagrad", "fused", "digits-mlp", "book's rule"):
        assert name in done.output


def test_book_without_data_says_what_is_missing(monkeypatch):
    from twinstep.bench.study import book
    from twinstep.bench.study.problems import _airfoil_download as airfoil

    def absent(path=None):
        raise airfoil.DataUnavailable("the table is not to be had; use --data PATH")

    monkeypatch.setattr(book, "airfoil_table", absent)
    done = twinstep("book")
    assert done.exit_code == 0, done.output
    assert "missing" in done.output
    assert "--data PATH" in done.output
    assert "DIFFERS" not in done.output


def test_book_with_data(airfoil_path):
    done = twinstep("book", "--data", airfoil_path)
    assert done.exit_code == 0, done.output
    assert "0.246791114" in done.output
    assert "DIFFERS" not in done.output


def test_a_folder_with_a_package_called_bench(tmp_path):
    """Somebody's own `bench` stands in their folder, and ours still works."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").write_text("raise RuntimeError('this is not twinstep')")
    done = subprocess.run(
        [sys.executable, THIS_TREE, "run", *QUICK], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "last" / "losses.csv").is_file()
