"""The rules of a run: what is recorded arrives, under xdist too; a benchmark session that measures nothing fails."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path

import pytest

from twinstep.bench.records import journal
from twinstep.bench.records.tables import read_table, write_tables

pytest_plugins = "pytester"

TESTS = Path(__file__).parent

SUITE = """
import pytest

CELL = dict(optimizer="gd", case="default", problem="bowl", implementation="scratch", dtype="float64", device="cpu")

@pytest.mark.parametrize("seed", range(4))
def test_loss(record, seed):
    record("losses", **CELL, seed=seed, final_loss=1.0 / (seed + 1))

def test_speed(benchmark, record):
    benchmark.pedantic(lambda: None, rounds=2)
    record("timings", **CELL, seed=0, ratio=1.0, step_s=1.0)
"""


@pytest.fixture(scope="module", autouse=True)
def everything_is_loaded(tmp_path_factory):
    """pytester forgets what was first imported within a run, and pyarrow cannot be loaded twice into one process."""
    folder = tmp_path_factory.mktemp("loaded")
    cell = dict.fromkeys(("optimizer", "case", "problem", "implementation", "seed", "dtype", "device"), "x")
    journal.Journal(folder).append("losses", {**cell, "final_loss": 0.0})
    for path in write_tables(folder):
        read_table(path)


@pytest.fixture
def run(pytester, monkeypatch):
    """run(*arguments) -> exit code of a small suite under our conftest, in this process."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # pytest-benchmark takes it for its own
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    # xdist's workers are processes of their own, which must find what our conftest imports.
    conftest = str(TESTS / "conftest.py")
    pytester.makeconftest(f"""
        import pathlib
        import sys
        sys.path.insert(0, {str(TESTS)!r})
        exec(compile(pathlib.Path({conftest!r}).read_text(encoding="utf-8"), {conftest!r}, "exec"))
    """)
    # Without the plugin that would be imported anew at the end of every run, a second each.
    pytester.makeini("[pytest]\naddopts = --benchmark-skip -p no:cacheprovider -p no:hypothesispytest")
    pytester.makepyfile(test_suite=SUITE)

    def once(*arguments, results="results"):
        arguments += (f"--results={pytester.path / results}",)
        return int(pytester.inline_run(*arguments, no_reraise_ctrlc=True).ret)

    return once


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


def test_rows_travel_through_xdist_and_give_the_same_table(run, pytester):
    assert run("-n", "2") == 0
    assert run(results="alone") == 0
    tables = [(pytester.path / folder / "losses.csv").read_bytes() for folder in ("results", "alone")]
    assert tables[0] == tables[1]
    assert len({row["run"] for row in journal.read(pytester.path / "results", "losses")}) == 1


def test_timing_runs_alone_and_clears_nothing(run, pytester):
    run()
    before = (pytester.path / "results" / "losses.csv").read_bytes()
    assert run("--benchmark-only", "-k", "speed") == 0  # the control of the usage errors below
    assert len(read_table(pytester.path / "results" / "timings.csv")) == 1
    assert (pytester.path / "results" / "losses.csv").read_bytes() == before


@pytest.mark.parametrize(
    "arguments", ["-n 2", "-k typo", "-k loss", "--deselect test_suite.py::test_speed", "--benchmark-disable"]
)
def test_a_benchmark_session_that_measures_nothing_is_a_usage_error(run, arguments):
    assert run("--benchmark-only", *arguments.split()) == pytest.ExitCode.USAGE_ERROR


def test_a_damaged_journal_is_told_and_nothing_is_lost(run, pytester, capsys):
    """Where warnings are errors too: the repair happens between tests, where an error would end the whole run."""
    assert run() == 0
    path = pytester.path / "results" / "losses.jsonl"
    path.write_bytes(path.read_bytes() + b'{"half')
    capsys.readouterr()
    assert run("-W", "error") == 0
    assert "losses.jsonl.damaged" in capsys.readouterr().out
    assert len(journal.read(path.parent, "losses")) == 8


LONG = """

@pytest.mark.thorough("it takes a minute")
@pytest.mark.parametrize("seed", range(3))
def test_long(seed):
    pass

@pytest.mark.full("cells of the large shape")
def test_large(benchmark):
    benchmark.pedantic(lambda: None, rounds=2)

@pytest.mark.parametrize("what", ["a", "b"])
def test_elsewhere(what):
    pytest.skip("no CUDA device")
"""


def summary(capsys):
    """The lines of a run's output that say what was left out, and the output."""
    out = capsys.readouterr().out
    return [line for line in out.splitlines() if line.startswith(("deselected:", "skipped:"))], out


@pytest.mark.parametrize(
    ("arguments", "passed", "said"),
    [
        ("", 4, "deselected: 2 benchmarks (pytest --benchmark-only), 3 thorough (pytest --thorough)"),
        ("-n 1", 4, "deselected: 2 benchmarks (pytest --benchmark-only), 3 thorough (pytest --thorough)"),
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


def test_cells_left_out_of_the_benchmarks_are_said_and_timed_by_full(run, pytester, capsys):
    pytester.makepyfile(test_suite=SUITE + LONG)
    assert run("--benchmark-only") == 0
    lines, out = summary(capsys)
    assert lines == ["deselected: 1 benchmarks: cells of the large shape (pytest --benchmark-only --full)"]
    assert "1 passed" in out
    assert run("--benchmark-only", "--full") == 0
    assert summary(capsys)[0] == []
    assert run("--benchmark-only", "-k", "large") == pytest.ExitCode.USAGE_ERROR
    assert "--full" in summary(capsys)[1]


CELLS = """
import pytest

CELL = dict(case="default", problem="tiny", dtype="float32", device="cpu", seed=0)

@pytest.mark.parametrize("implementation", ["torch-forloop", "scratch"])
@pytest.mark.parametrize("cell", ["gd-tiny", "adam-tiny"])
def test_step(cell, implementation, benchmark, record):
    benchmark.pedantic(lambda: None, rounds=2)
    ratio = 1.0 if implementation == "torch-forloop" else 2.5
    record("timings", **CELL, optimizer=cell.split("-")[0], implementation=implementation, step_s=1e-3, ratio=ratio,
           ratio_low=ratio, ratio_high=ratio, verdict="TIE" if ratio == 1 else "SLOWER", floor_fraction=0.5)
    assert (cell, implementation) != ("adam-tiny", "scratch"), "WRONG"
"""


def test_a_benchmark_session_shows_a_line_a_cell_and_its_verdicts(run, pytester, capsys):
    """Not on a terminal: capsys is none. The line says what is left; the table fits a hundred columns."""
    pytester.makepyfile(test_suite=CELLS)
    assert run("--benchmark-only") == pytest.ExitCode.TESTS_FAILED  # a WRONG one fails, and hides nothing
    out = capsys.readouterr().out
    cells = [line for line in out.splitlines() if " left" in line and " s, " in line]
    assert ["1/2 gd-tiny" in cells[0], "2/2 adam-tiny" in cells[1], len(cells)] == [True, True, 2]
    table = out[out.index("\ncell  ") : out.index("resident")]
    assert "2.50 to 2.50  SLOWER" in table and "2 SLOWER" in table
    assert max(map(len, table.splitlines())) <= 100
    assert "Outliers" not in out  # pytest-benchmark's own, 200 columns wide
    assert run("--benchmark-only", "--benchmark-columns=median") == pytest.ExitCode.TESTS_FAILED
    assert "Name (time" in capsys.readouterr().out  # control: who asks for it has it


def test_a_histogram_without_its_library_is_refused_before_anything_is_timed(run, monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *of: None if name == "pygal" else found(name, *of))
    assert run("--benchmark-only", "--benchmark-histogram") == pytest.ExitCode.USAGE_ERROR
    said = capsys.readouterr()
    assert "pip install 'pytest-benchmark[histogram]'" in said.err and "1 passed" not in said.out
    assert run("--benchmark-only") == 0  # control


def test_full_without_benchmarks_is_refused(run, capsys):
    assert run("--full") == pytest.ExitCode.USAGE_ERROR
    assert "--benchmark-only --full" in capsys.readouterr().err


def test_a_benchmark_that_failed_stays_a_failure(run, pytester):
    pytester.makepyfile(test_suite="def test_speed(benchmark):\n    assert False")
    assert run("--benchmark-only") == pytest.ExitCode.TESTS_FAILED


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
