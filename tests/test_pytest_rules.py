"""The rules of a run: what is recorded arrives, under xdist too, and what is left out is said."""

from __future__ import annotations

import signal

import pytest
from inner_session import LONG, SUITE, summary

from twinstep.bench.records import journal
from twinstep.bench.records.tables import read_table

pytest_plugins = ("pytester", "inner_run")


def seeds(folder):
    return list(read_table(folder / "losses.csv")["seed"])


def test_a_plain_run_records_and_times_nothing(run, pytester, capsys):
    assert run() == 0
    assert "losses.csv" in capsys.readouterr().out
    assert seeds(pytester.path / "results") == [0, 1, 2, 3]
    files = {p.name for p in (pytester.path / "results").iterdir()}
    assert files == {"losses.csv", "losses.jsonl", "losses.parquet"}


def test_sigterm_leaves_the_tables_of_what_was_recorded(run, pytester):
    before = signal.getsignal(signal.SIGTERM)
    pytester.makepyfile(
        test_the_end="""
        import os, signal, time

        def test_of_the_time_limit():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
    """
    )
    assert run() == pytest.ExitCode.INTERRUPTED
    assert seeds(pytester.path / "results") == [0, 1, 2, 3]
    assert signal.getsignal(signal.SIGTERM) == before


def test_rows_travel_through_xdist_and_give_the_same_table(run, pytester, capsys):
    """And what was left out is said there as well."""
    pytester.makepyfile(test_suite=SUITE + LONG)
    assert run("-n", "2") == 0
    through_xdist, _ = summary(capsys)
    assert run(results="alone") == 0
    assert summary(capsys)[0] == through_xdist and len(through_xdist) == 2
    tables = [(pytester.path / folder / "losses.csv").read_bytes() for folder in ("results", "alone")]
    assert tables[0] == tables[1]
    assert len({row["run"] for row in journal.read(pytester.path / "results", "losses")}) == 1


def test_a_damaged_journal_is_told_and_nothing_is_lost(run, pytester, capsys):
    """Where warnings are errors too: the repair happens between tests, where an error would end the whole run."""
    assert run() == 0
    path = pytester.path / "results" / "losses.jsonl"
    path.write_bytes(path.read_bytes() + b'{"half')
    capsys.readouterr()
    assert run("-W", "error") == 0
    assert "losses.jsonl.damaged" in capsys.readouterr().out
    assert len(journal.read(path.parent, "losses")) == 8


@pytest.mark.parametrize(
    ("arguments", "passed", "said"),
    [
        ("", 4, "deselected: 2 benchmarks (pytest --benchmark-only), 3 thorough (pytest --thorough)"),
        ("--thorough", 6,
         "deselected: 2 benchmarks (pytest --benchmark-only), 1 of more seeds (pytest --thorough --seeds=20)"),
        ("--thorough --seeds=20", 7, "deselected: 2 benchmarks (pytest --benchmark-only)"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_said_in_a_line_and_a_skip_is_one_line_a_reason(
    run, pytester, capsys, arguments, passed, said
):
    pytester.makepyfile(test_suite=SUITE + LONG)
    assert run(*arguments.split()) == 0
    lines, out = summary(capsys)
    assert lines == ["skipped: 2: no CUDA device", said]
    assert f"{passed} passed, 2 skipped" in out


def test_what_the_selection_left_out_anyway_is_not_counted(run, pytester, capsys):
    pytester.makepyfile(test_suite=SUITE + LONG)
    assert run("-k", "loss") == 0
    assert summary(capsys)[0] == []


@pytest.mark.parametrize("selection", ["-k long", "-k long -n 1", "-k speed", "test_suite.py::test_large"])
def test_a_selection_of_what_is_left_out_is_not_green(run, pytester, capsys, selection):
    pytester.makepyfile(test_suite=SUITE + LONG)
    assert run(*selection.split()) == pytest.ExitCode.NO_TESTS_COLLECTED
    assert summary(capsys)[0][0].startswith("deselected: ")  # and how to run it


def test_a_mistyped_selection_fails(run):
    assert run("-k", "typo") == pytest.ExitCode.NO_TESTS_COLLECTED


def test_rows_of_a_failed_test_and_of_an_interrupted_run_are_kept(run, pytester):
    pytester.makepyfile(test_suite=SUITE + """
def test_stops(record):
    record("losses", **CELL, seed=7, final_loss=7.0)
    assert False

def test_ctrl_c(record):
    record("losses", **CELL, seed=8, final_loss=8.0)
    raise KeyboardInterrupt

def test_never(record):
    record("losses", **CELL, seed=9, final_loss=9.0)
""")  # fmt: skip
    assert run() == pytest.ExitCode.INTERRUPTED
    assert seeds(pytester.path / "results")[:5] == [0, 1, 2, 3, 7]
    assert 9 not in seeds(pytester.path / "results")


@pytest.mark.parametrize("row", ["'losses'", "'loses', **CELL, seed=0, final_loss=1.0"])
def test_a_wrong_row_fails_its_test(run, pytester, row):
    pytester.makepyfile(test_suite=SUITE + f"\ndef test_wrong(record):\n    record({row})\n")
    assert run("-k", "wrong") == pytest.ExitCode.TESTS_FAILED


def test_results_that_cannot_be_kept_stop_the_run_at_once(run, pytester, capsys):
    folder = pytester.path / "results"
    folder.mkdir()
    (folder / "losses.csv").write_text("name,price\n")
    assert run() == pytest.ExitCode.USAGE_ERROR
    assert "move it away" in capsys.readouterr().err
    assert [p.name for p in folder.iterdir()] == ["losses.csv"]
    (pytester.path / "file").write_text("")
    assert run(results="file/results") == pytest.ExitCode.USAGE_ERROR


def test_data_that_is_not_there_is_told_at_once(run, pytester):
    assert run(f"--data={pytester.path / 'nowhere'}") == pytest.ExitCode.USAGE_ERROR
    assert run(f"--data={pytester.path}") == 0  # control


def test_without_data_the_fixture_says_how_to_give_it(run, pytester):
    pytester.makepyfile(test_suite="def test_it(airfoil_path):\n    assert airfoil_path.exists()")
    skipped = pytester.inline_run("--results=r").listoutcomes()[1]
    assert "pytest --data=PATH" in str(skipped[0].longrepr)
    given = pytester.inline_run("--results=r", f"--data={pytester.path}")
    assert len(given.listoutcomes()[0]) == 1
