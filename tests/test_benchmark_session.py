"""A benchmark session: what it shows and leaves out, and that one which measures nothing fails."""

from __future__ import annotations

import importlib.util
import tomllib

import pytest
from inner_session import LONG, SUITE, TESTS, summary

from twinstep.bench.records.tables import read_table

pytest_plugins = ("pytester", "inner_run")


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


def test_a_benchmark_that_failed_stays_a_failure(run, pytester):
    pytester.makepyfile(test_suite="def test_speed(benchmark):\n    assert False")
    assert run("--benchmark-only") == pytest.ExitCode.TESTS_FAILED


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


STOPPED = (
    CELLS
    + """

def test_stopped(benchmark):
    raise KeyboardInterrupt
"""
)


def test_a_benchmark_that_is_interrupted_before_it_is_played_costs_no_summary(run, pytester, capsys):
    """Under our own filters: pytest-benchmark warns at the session's end, where a warning that is an error ends it."""
    pytester.makepyfile(test_suite=STOPPED)
    settings = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    filters = [part for one in settings["ini_options"]["filterwarnings"] for part in ("-W", one)]
    assert filters[:2] == ["-W", "error"]
    assert run("--benchmark-only", *filters) == pytest.ExitCode.INTERRUPTED
    assert len(read_table(pytester.path / "results" / "timings.csv")) == 4
    out = capsys.readouterr().out
    assert "2 SLOWER" in out and "2 of 3 cells" in out
    with pytest.raises(Warning, match="was not used"):  # control
        run("--benchmark-only", "-W", "error", results="lost")
    assert "verdicts" not in capsys.readouterr().out


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
