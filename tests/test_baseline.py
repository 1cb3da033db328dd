"""The baseline names the cell that moved, and takes neither a new cell nor another machine for a change."""

from __future__ import annotations

import math

import pytest

from twinstep.bench.records import tables
from twinstep.bench.records.journal import Journal
from twinstep.bench.records.tables import TableError, read_table
from twinstep.bench.study import baseline

CELL = {
    "optimizer": "gd", "case": "default", "problem": "bowl", "implementation": "scratch", "seed": 0, "dtype": "float64",
    "device": "cpu",
}  # fmt: skip


def table(folder, values):
    """A losses table with one row for each seed."""
    journal = Journal(folder)
    for seed, value in values.items():
        journal.append("losses", {**CELL, "seed": seed, "final_loss": value})
    tables.write_tables(folder)
    return read_table(folder / "losses.csv")


def verdicts(cells):
    return [(cell.name.split("seed ")[1].split()[0], cell.verdict, cell.fails) for cell in cells]


def test_the_same_values_say_nothing(tmp_path):
    values = {0: 0.5, 3: 0.0}
    assert baseline.compare(table(tmp_path / "now", values), table(tmp_path / "was", values)) == []


def test_what_moved_is_named(tmp_path):
    far, near = 1 + 10 * baseline.TOLERANCE, 1 + baseline.TOLERANCE / 10
    now, was = table(tmp_path / "now", {0: 2.0 * far, 1: 2.0 * near}), table(tmp_path / "was", {0: 2.0, 1: 2.0})
    (cell,) = baseline.compare(now, was)
    assert (cell.verdict, cell.was, cell.fails) == ("moved", 2.0, True)
    assert cell.change == pytest.approx(10 * baseline.TOLERANCE, rel=1e-3)
    assert str(cell).startswith("gd/default bowl scratch seed 0 float64 cpu: final_loss moved from 2.0 to 2.0")
    assert len(baseline.compare(now, was, tolerance=0.0)) == 2  # control: without the tolerance both have moved
    assert baseline.compare(now, was, tolerance=1.0) == []


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (0.5, math.nan), (math.nan, 0.5), (0.5, math.inf), (0.0, 1e-300), (0.5, -0.5), (math.nan, math.nan),
        (math.inf, math.inf),
    ],
)  # fmt: skip
def test_no_tolerance_hides_these(tmp_path, was, now):
    cells = baseline.compare(table(tmp_path / "now", {0: now}), table(tmp_path / "was", {0: was}), tolerance=1.0)
    assert verdicts(cells) == [("0", "moved", True)]


def test_new_and_not_run(tmp_path):
    cells = baseline.compare(table(tmp_path / "now", {0: 1.0, 1: 1.0}), table(tmp_path / "was", {0: 1.0, 2: 1.0}))
    assert verdicts(cells) == [("1", "new", False), ("2", "not run", True)]


def test_the_environment_is_no_part_of_the_key(tmp_path):
    now, was = table(tmp_path / "now", {0: 1.0}), table(tmp_path / "was", {0: 1.0})
    was["processor"], was["torch"], was["threads"] = "another", "1.0", 64
    assert baseline.compare(now, was) == []
    was["dtype"] = "float32"  # control: identity is
    assert [cell.verdict for cell in baseline.compare(now, was)] == ["not run", "new"]


def test_tables_that_cannot_be_compared_are_refused(tmp_path):
    good = table(tmp_path, {0: 1.0, 1: 2.0})
    with pytest.raises(TableError, match="the baseline lacks the columns seed, final_loss"):
        baseline.compare(good, good.drop(columns=["seed", "final_loss"]))
    twice = good.assign(seed=0)
    with pytest.raises(TableError, match="the table has two rows of gd/default bowl scratch seed 0"):
        baseline.compare(twice, good)


def test_a_written_baseline_compares_equal_and_replaces_only_its_own(tmp_path):
    now, path = table(tmp_path, {0: 0.1 + 0.2, 1: 0.5}), tmp_path / "baseline.csv"
    for _ in range(2):
        baseline.write(now, path)
        assert baseline.compare(now, read_table(path), tolerance=0.0) == []
    path.write_text("a,b\n")
    with pytest.raises(TableError, match="not a losses table"):
        baseline.write(now, path)
    assert path.read_text() == "a,b\n"


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_no_baseline(tmp_path, loss):
    now, path = table(tmp_path, {0: 0.5, 1: loss}), tmp_path / "baseline.csv"
    with pytest.raises(TableError, match=r"gd/default bowl scratch seed 1 .*: final_loss is (nan|inf), which no later"):
        baseline.write(now, path)
    assert not path.exists()
    # It is no cell that was not run: it counts, and it has moved.
    kept = baseline.reproducible(now.assign(seed=0).tail(1))
    assert len(kept) == 1 and len(baseline.reproducible(kept.assign(status="missing: no data"))) == 0
