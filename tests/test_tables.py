"""Tables: derived from the last run, the same bytes for the same rows, and never in the place of a foreign file."""

from __future__ import annotations

import math
import random

import pandas
import pytest

from twinstep.bench.records import tables
from twinstep.bench.records.journal import Journal
from twinstep.bench.records.rows import ENVIRONMENT, IDENTITY
from twinstep.bench.records.tables import TableError, read_table, table_path, write_tables

CELL = {
    "optimizer": "gd", "case": "default", "problem": "bowl", "implementation": "scratch", "seed": 0, "dtype": "float64",
    "device": "cpu",
}  # fmt: skip
GAP = {
    "gap_bounds": 0.5, "gap_ulp": 1.0, "step": 3, "tensor": "p0.param", "element": 0, "ours": 1.0, "theirs": 1.0,
    "bound": 1e-9,
}  # fmt: skip


def loss(value, **identity):
    return {**CELL, **identity, "final_loss": value}


def write(folder, found, kind="losses"):
    journal = Journal(folder)
    for row in found:
        journal.append(kind, row)
    return write_tables(folder)


@pytest.mark.parametrize("suffix", tables.SUFFIXES)
def test_values_survive_to_the_last_bit(tmp_path, suffix):
    values = [0.1 + 0.2, math.nan, math.inf, -math.inf, 5e-324, 1e308, -0.0]
    written = write(tmp_path, [loss(v, seed=i) for i, v in enumerate(values)])
    assert written == [tmp_path / "losses.csv", tmp_path / "losses.parquet"]
    table = read_table(table_path(tmp_path, "losses", suffix))
    assert [repr(float(v)) for v in table["final_loss"]] == [repr(v) for v in values]
    assert list(table.columns) == [*IDENTITY, "final_loss", *ENVIRONMENT]
    assert list(table["seed"]) == list(range(len(values)))


@pytest.mark.parametrize("case", ["null", "NA", "nan", "a,b", 'a"b', "1", "None"])
def test_any_name_survives_the_csv(tmp_path, case):
    write(tmp_path, [loss(1.0, case=case)])
    assert list(read_table(tmp_path / "losses.csv")["case"]) == [case]


def test_pandas_alone_loads_what_is_written(tmp_path):
    write(tmp_path, [loss(0.25, seed=s) for s in range(3)])
    plain = pandas.read_csv(tmp_path / "losses.csv")
    pandas.testing.assert_frame_equal(plain, pandas.read_parquet(tmp_path / "losses.parquet"), check_dtype=False)


def test_the_order_of_arrival_does_not_show(tmp_path):
    found = [loss(1.0 / (s + 1), seed=s, optimizer=o) for s in range(12) for o in ("gd", "adagrad")]
    shuffled = random.Random(0).sample(found, len(found))
    write(tmp_path / "a", found)
    write(tmp_path / "b", shuffled)
    for suffix in tables.SUFFIXES:
        a, b = (table_path(tmp_path / f, "losses", suffix).read_bytes() for f in "ab")
        assert a == b
    assert list(read_table(tmp_path / "a/losses.csv")["seed"][:12]) == list(range(12))  # by number: 2 before 10
    write(tmp_path / "b", [{**found[0], "final_loss": 2.0}, *found[1:]])  # control: one other value, other bytes
    assert (tmp_path / "a/losses.csv").read_bytes() != (tmp_path / "b/losses.csv").read_bytes()


def test_a_table_is_the_last_run_that_wrote_its_kind(tmp_path):
    write(tmp_path, [loss(1.0), loss(1.0, seed=1)])
    write(tmp_path, [{**CELL, **GAP}], kind="agreement")
    before = (tmp_path / "losses.csv").read_bytes()
    write(tmp_path, [{**CELL, "ratio": 2.0, "step_s": 1e-3}], kind="timings")
    assert (tmp_path / "losses.csv").read_bytes() == before  # a run of another kind clears nothing
    assert len(read_table(tmp_path / "agreement.csv")) == 1
    write(tmp_path, [loss(3.0)])
    assert list(read_table(tmp_path / "losses.csv")["final_loss"]) == [3.0]


def test_agreement_keeps_the_largest_gap_of_a_cell(tmp_path):
    gaps = [0.3, 0.9, 0.1]
    write(tmp_path, [{**CELL, **GAP, "gap_bounds": g, "step": i} for i, g in enumerate(gaps)], kind="agreement")
    table = read_table(tmp_path / "agreement.csv")
    assert (list(table["gap_bounds"]), list(table["step"])) == ([0.9], [1])
    write(tmp_path, [{**CELL, **GAP, "gap_bounds": g} for g in (0.3, math.nan, 9.0)], kind="agreement")
    assert math.isnan(read_table(tmp_path / "agreement.csv")["gap_bounds"][0])


def test_rows_may_have_further_columns(tmp_path):
    write(tmp_path, [{**loss(1.0), "steps": 5}, {**loss(1.0, seed=1), "name": "x"}])
    table = read_table(tmp_path / "losses.csv")
    assert list(table.columns)[7:10] == ["final_loss", "name", "steps"]
    assert table["steps"].isna().tolist() == [False, True]


def test_a_column_of_text_and_numbers_is_refused(tmp_path):
    with pytest.raises(TableError, match="steps of losses holds float and str"):
        write(tmp_path, [{**loss(1.0), "steps": 5}, {**loss(1.0, seed=1), "steps": "many"}])


@pytest.mark.parametrize("name", ["losses.csv", "timings.csv", "agreement.parquet"])
@pytest.mark.parametrize("content", [b"name,price\ntea,3\n", b"", b"\xff\x00 nothing"])
def test_a_foreign_file_is_refused_before_anything_is_overwritten(tmp_path, name, content):
    journal = Journal(tmp_path)
    journal.append("losses", loss(1.0))
    (tmp_path / name).write_bytes(content)
    for act in (write_tables, tables.check_folder):
        with pytest.raises(TableError, match=rf"{name} is not a \w+ table of twinstep .*move it away"):
            act(tmp_path)
    assert (tmp_path / name).read_bytes() == content
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({"losses.jsonl", name})
    (tmp_path / name).unlink()  # control: without it the tables are written, and a second time over their own
    assert write_tables(tmp_path) == write_tables(tmp_path)


def test_a_table_of_another_kind_is_foreign_too(tmp_path):
    write(tmp_path, [loss(1.0)])
    (tmp_path / "losses.csv").rename(tmp_path / "timings.csv")
    with pytest.raises(TableError, match="not a timings table"):
        write_tables(tmp_path)


def test_a_write_that_fails_leaves_the_old_table(tmp_path):
    write(tmp_path, [loss(1.0)])
    before = (tmp_path / "losses.csv").read_bytes()

    def fail():
        raise OSError(28, "No space left on device")

    with pytest.raises(TableError, match="No space left"):
        tables.replace_file(tmp_path / "losses.csv", fail)
    assert (tmp_path / "losses.csv").read_bytes() == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_reading_what_is_no_table_is_a_clear_error(tmp_path):
    with pytest.raises(TableError, match="there is no table"):
        read_table(tmp_path / "losses.csv")
    (tmp_path / "losses.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TableError, match="not a table of twinstep: it lacks the columns optimizer"):
        read_table(tmp_path / "losses.csv")
