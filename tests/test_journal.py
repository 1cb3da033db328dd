"""The journal loses nothing: not at an interruption, not with several writers, not a NaN."""

from __future__ import annotations

import json
import math
import threading
import warnings

import pytest

from twinstep.bench.records import journal, rows
from twinstep.bench.records.journal import DamagedJournal, Journal, TableError

CELL = {
    "optimizer": "gd", "case": "default", "problem": "bowl", "implementation": "scratch", "seed": 0, "dtype": "float64",
    "device": "cpu",
}  # fmt: skip


def losses(folder):
    return [row["final_loss"] for row in journal.read(folder, "losses")]


def test_rows_come_back_with_their_environment_and_run(tmp_path):
    Journal(tmp_path, run="first").append("losses", {**CELL, "final_loss": 0.1, "steps": 7})
    (row,) = journal.read(tmp_path, "losses")
    assert row == {"run": "first", **CELL, "final_loss": 0.1, "steps": 7, **rows.environment()}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324, -0.0, 1e308])
def test_every_float_survives_as_valid_json(value):
    line = journal.encode({"x": value})
    assert repr(journal.decode(line)["x"]) == repr(value)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    json.loads(line, parse_constant=refuse)
    with pytest.raises(AssertionError):  # control: what Python writes by itself is refused
        json.loads(json.dumps({"x": math.nan}), parse_constant=refuse)


@pytest.mark.parametrize("text", ["nan", "a\nb", "\u2028", 'quo"te', "\x0b", "μ"])
def test_any_text_stays_one_line(tmp_path, text):
    writer = Journal(tmp_path)
    for _ in range(2):
        writer.append("losses", {**CELL, "final_loss": 1.0, "note": text})
    assert [row["note"] for row in journal.read(tmp_path, "losses")] == [text, text]


def test_each_row_is_on_disk_before_the_next(tmp_path):
    writer = Journal(tmp_path)
    for i in range(3):
        writer.append("losses", {**CELL, "final_loss": float(i)})
        assert losses(tmp_path) == [float(j) for j in range(i + 1)]


@pytest.mark.parametrize("tail", [b'{"run": "x", "optim', b"{", "é".encode()[:1], b"17"])
def test_a_half_written_last_line_is_set_aside_and_told(tmp_path, tail):
    Journal(tmp_path, run="a").append("losses", {**CELL, "final_loss": 1.0})
    path = journal.journal_path(tmp_path, "losses")
    with path.open("ab") as file:
        file.write(tail)
    with pytest.warns(DamagedJournal, match=r"losses\.jsonl\.damaged"):
        Journal(tmp_path, run="b").append("losses", {**CELL, "final_loss": 2.0})
    assert (tmp_path / "losses.jsonl.damaged").read_bytes() == tail + b"\n"
    assert losses(tmp_path) == [1.0, 2.0]


def test_a_whole_journal_is_left_as_it_is(tmp_path):
    """Control of the repair: nothing is told, and nothing set aside, where nothing is wrong."""
    Journal(tmp_path, run="a").append("losses", {**CELL, "final_loss": 1.0})
    path = journal.journal_path(tmp_path, "losses")
    whole = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert journal.set_aside_damage(path) is None
        path.write_bytes(whole[:-1])  # a whole row that lacks only its newline is no damage
        Journal(tmp_path, run="b").append("losses", {**CELL, "final_loss": 2.0})
    assert losses(tmp_path) == [1.0, 2.0]
    assert [p.name for p in tmp_path.iterdir()] == ["losses.jsonl"]


def test_a_line_that_is_no_row_is_left_out_with_a_warning(tmp_path):
    writer = Journal(tmp_path)
    writer.append("losses", {**CELL, "final_loss": 1.0})
    path = journal.journal_path(tmp_path, "losses")
    path.write_bytes(path.read_bytes() + b'{"foreign": 1}\n')
    writer.append("losses", {**CELL, "final_loss": 2.0})
    with pytest.warns(DamagedJournal, match=r"losses\.jsonl:2 is no row .*lacks run"):
        assert losses(tmp_path) == [1.0, 2.0]


def test_several_writers_do_not_mix_their_lines(tmp_path):
    def write(number):
        writer = Journal(tmp_path, run=f"run-{number}")
        for i in range(50):
            writer.append("losses", {**CELL, "final_loss": float(i), "note": "x" * 5000})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = journal.read(tmp_path, "losses")
    wanted = [(f"run-{n}", float(i)) for n in range(4) for i in range(50)]
    assert sorted((r["run"], r["final_loss"]) for r in found) == wanted


def test_the_last_run_is_the_one_that_wrote_last(tmp_path):
    assert journal.last_run(tmp_path, "losses") == []
    for run, value in (("a", 1.0), ("b", 2.0), ("b", 3.0)):
        Journal(tmp_path, run=run).append("losses", {**CELL, "final_loss": value})
    assert [row["final_loss"] for row in journal.last_run(tmp_path, "losses")] == [2.0, 3.0]
    assert len(journal.read(tmp_path, "losses")) == 3
    assert all("run" not in row for row in journal.last_run(tmp_path, "losses"))


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("loses", CELL, "did you mean 'losses'"),
        ("losses", CELL, "lacks final_loss"),
        ("losses", {"final_loss": 1.0}, "lacks optimizer, case"),
        ("timings", {**CELL, "ratio": 1.0}, "ends in _s"),
        ("losses", {**CELL, "final_loss": [1.0]}, "final_loss holds a list"),
    ],
)
def test_a_wrong_row_is_refused_and_nothing_is_written(tmp_path, kind, row, message):
    with pytest.raises(rows.RowError, match=message):
        Journal(tmp_path).append(kind, row)
    assert not list(tmp_path.iterdir())


def test_scalars_of_frameworks_become_plain_numbers(tmp_path):
    import numpy as np
    import torch

    row = {**CELL, "final_loss": torch.tensor(0.5, dtype=torch.float64), "steps": np.int64(3), "ok": np.bool_(True)}
    Journal(tmp_path).append("losses", row)
    (found,) = journal.read(tmp_path, "losses")
    assert (found["final_loss"], found["steps"], found["ok"]) == (0.5, 3, True)


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TableError, match=r"cannot write into .*; name a folder"):
        Journal(tmp_path / "file" / "results")
    assert Journal(tmp_path / "new" / "results").folder.is_dir()  # control: a folder that can be made is made


def test_the_commit_is_that_of_the_tree_itself(tmp_path):
    """A tree without a repository of its own must not report the one around it."""
    assert rows.commit(tmp_path) == "unknown"
    here = rows.environment()
    assert tuple(here) == rows.ENVIRONMENT
    assert all(value not in (None, "") for value in here.values())
