"""Pictures of a run: drawn from its journal alone, after the summary, and never beside the tables of another run."""

from __future__ import annotations

import errno
import importlib
import math
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from twinstep.bench.cli import cli
from twinstep.bench.records import journal, tables
from twinstep.bench.records.files import pictures
from twinstep.bench.records.journal import Journal
from twinstep.bench.records.series import pack, pack_steps, thinned, unpack
from twinstep.bench.records.tables import read_table, write_tables
from twinstep.bench.report import run_pictures

QUICK = ["--optimizers", "gd", "--problems", "bowl,quadratic", "--seeds", "2"]
DRAWN = ["losses-bowl.png", "losses-quadratic.png", "traces-bowl.png"]


def twinstep(*args):
    return CliRunner().invoke(cli, [str(a) for a in args])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    done = twinstep("run", *QUICK, "--out", folder)
    assert done.exit_code == 0, done.output
    return folder, done.output


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made[0], tmp_path / "run")


def names(folder):
    return sorted(p.name for p in folder.glob("*.png"))


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".jsonl"}


def test_numbers_survive_as_text():
    values = [0.1 + 0.2, math.nan, math.inf, -math.inf, 5e-324, -0.0]
    assert [repr(float(v)) for v in unpack(pack(values))] == [repr(v) for v in values]
    assert unpack(pack_steps(range(3))).tolist() == [0, 1, 2]
    assert pack([1 / 3], digits=4) == "0.3333"
    assert unpack("").size == 0


def test_what_is_thinned_keeps_both_ends():
    assert thinned(3, 250).tolist() == [0, 1, 2]
    kept = thinned(501, 250)
    assert (kept[0], kept[-1], len(kept)) == (0, 500, 250)
    assert np.diff(kept).max() <= 3


def test_a_run_journals_what_is_drawn(made):
    curves, traces, growth = (read_table(made[0] / f"{kind}.csv") for kind in ("curves", "traces", "growth"))
    losses = read_table(made[0] / "losses.csv")
    ends = [unpack(text)[-1] for text in curves.losses]
    assert ends == list(losses.final_loss), "a curve ends at the final loss, bit for bit"
    assert set(traces.problem) == {"bowl"}
    assert [len(unpack(text)) for text in (*traces.x1, *traces.x2, *traces.steps)] == [21] * 6
    worst = growth.groupby("problem").gap_bounds.agg(lambda texts: max(unpack(t).max() for t in texts))
    agreement = read_table(made[0] / "agreement.csv").set_index("problem").gap_bounds
    assert list(worst) == pytest.approx(list(agreement.loc[worst.index]), rel=1e-3)
    assert set(growth.scenario) == {"probe", "recorded"}


def test_the_summary_stands_before_the_pictures(tmp_path, monkeypatch):
    def draw(folder, pool):
        print("PICTURES")
        return [], True

    monkeypatch.setattr(importlib.import_module("twinstep.bench.cli.run"), "draw_pictures", draw)
    said = twinstep("run", "--optimizers", "gd", "--problems", "bowl", "--out", tmp_path).output
    assert said.index("scratch beside") < said.index("PICTURES") < said.index("1 of 1 cells agree")


def test_tables_and_pictures_come_from_the_journal_alone(folder, monkeypatch):
    before = contents(folder)
    assert set(DRAWN) <= set(before)
    for name in before:
        (folder / name).unlink()
    monkeypatch.setattr("twinstep.bench.study.train.train", None)
    done = twinstep("tables", folder)
    assert done.exit_code == 0, done.output
    assert contents(folder) == before
    assert all(f"wrote {folder / name}" in done.output for name in before)


def test_a_journal_of_an_older_version_makes_its_tables(folder):
    for path in (*folder.glob("curves*"), *folder.glob("traces*"), *folder.glob("growth*")):
        path.unlink()
    (folder / "losses-bowl.png").unlink()
    (folder / "losses.parquet").unlink()
    done = twinstep("tables", folder)
    assert done.exit_code == 0, done.output
    assert (folder / "losses.parquet").exists()
    # It drew this one itself, and the tables are still those; of the other nothing is known.
    assert names(folder) == ["losses-quadratic.png"]


@pytest.mark.parametrize(("journals", "code", "told"), [((), 2, "holds no journal"), (("losses",), 4, "hold no row")])
def test_a_folder_without_rows_is_told(tmp_path, journals, code, told):
    for kind in journals:
        journal.journal_path(tmp_path, kind).touch()
    done = twinstep("tables", tmp_path)
    assert done.exit_code == code, done.output
    assert told in done.output
    missing = twinstep("tables", tmp_path / "missing")
    assert missing.exit_code == 2
    assert not (tmp_path / "missing").exists()


def test_pictures_go_with_the_tables_that_they_show(folder):
    (folder / "losses-mine.png").write_bytes(b"a picture of somebody")
    write_tables(folder)  # control: the same rows, the same pictures
    assert names(folder) == sorted([*DRAWN, "losses-mine.png"])
    row = {**journal.last_run(folder, "losses")[0], "final_loss": 7.0}
    Journal(folder).append("losses", row)
    write_tables(folder)
    assert names(folder) == ["losses-mine.png"]
    assert not [p for kind in ("curves", "traces", "growth") for p in folder.glob(f"{kind}.*") if p.suffix != ".jsonl"]
    assert len(read_table(folder / "losses.csv")) == 1


def test_pictures_of_a_later_run_stand_alone(folder):
    assert twinstep("run", "--optimizers", "gd", "--problems", "quadratic", "--out", folder).exit_code == 0
    assert names(folder) == ["losses-quadratic.png"]
    assert set(read_table(folder / "curves.csv").problem) == {"quadratic"}
    assert not (folder / "traces.csv").exists()


def test_times_alone_leave_the_pictures(folder):
    row = journal.last_run(folder, "timings")[0]
    Journal(folder).append("timings", {**row, "step_s": 1.0})
    write_tables(folder)
    assert names(folder) == DRAWN
    assert pictures(folder) == [folder / name for name in DRAWN]


def test_a_picture_is_known_by_whatever_letters_the_problem_has(folder):
    Journal(folder).append("losses", {**journal.last_run(folder, "losses")[0], "problem": "größe"})
    (folder / "losses-größe.png").touch()
    assert folder / "losses-größe.png" in pictures(folder)


def test_a_full_disk_costs_pictures_and_nothing_else(tmp_path, monkeypatch):
    put = tables.replace_file

    def full(path, content):
        def fail():
            raise OSError(errno.ENOSPC, "No space left on device")

        put(path, fail if path.name == "traces-bowl.png" else content)

    monkeypatch.setattr("twinstep.bench.report.pictures.replace_file", full)
    done = twinstep("run", *QUICK, "--out", tmp_path)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert "scratch beside" in done.output and (tmp_path / "losses.csv").exists()
    assert "missing: traces-bowl.png: cannot write" in done.output and "No space left" in done.output
    assert f"`twinstep tables {tmp_path}` draws what is missing" in done.output
    assert names(tmp_path) == DRAWN[:2]
    monkeypatch.undo()
    assert twinstep("tables", tmp_path).exit_code == 0
    assert names(tmp_path) == DRAWN


def test_a_problem_that_is_gone_is_not_drawn(folder):
    for kind in ("losses", "curves"):
        row = journal.last_run(folder, kind)[0]
        Journal(folder, run="later").append(kind, {**row, "problem": "of-another-version"})
    assert run_pictures.pictures_of(folder) == []
