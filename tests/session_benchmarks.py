"""What a benchmark session shows: a line a cell with what is left, then verdicts in a table, time and memory."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from typing import Any

import pytest

# Of pytest-benchmark's own table: who gives one of these wants it, and a histogram is drawn with it.
_THEIR_TABLE = ("columns", "histogram", "compare", "cprofile", "verbose")
# About how long a cell takes, in seconds on an EPYC; only their ratios are used, for what is left.
_COST = {"tiny": 0.7, "mlp": 0.9, "convnet": 1.3, "large": 10.0, "cost": 2.0}


def refuse(config: pytest.Config) -> None:
    """UsageError for what could not be done at the end, before anything is timed."""
    if config.getoption("benchmark_only", False) and config.getoption("dist", "no") != "no":
        raise pytest.UsageError("--benchmark-only with pytest-xdist: workers would time each other; leave out -n")
    if config.getoption("full") and not config.getoption("benchmark_only", False):
        raise pytest.UsageError("--full is for benchmarks: pytest --benchmark-only --full")
    if config.getoption("benchmark_histogram", None) and importlib.util.find_spec("pygal") is None:
        raise pytest.UsageError("--benchmark-histogram needs pygal: pip install 'pytest-benchmark[histogram]'")


def cell_of(item: pytest.Item) -> str:
    """Of which cell a benchmark is: what is timed together, then played back test by test."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    return params.get("cell") or (f"{params['optimizer']}-replay-cost" if "optimizer" in params else item.nodeid)


class BenchmarkScreen:
    """Registered under --benchmark-only.

    rows    the timings of this session, as they are recorded
    """

    def __init__(self, config: pytest.Config, rows: list[dict[str, Any]]) -> None:
        self.config, self.rows = config, rows
        self.cells: dict[str, float] = {}  # name -> what it costs, about
        self.began = self.cell_began = time.monotonic()
        self.done, self.finished = 0.0, 0
        self.load = _load()

    def pytest_sessionstart(self) -> None:  # not before: pytest-benchmark makes its session when it is configured
        theirs = getattr(self.config, "_benchmarksession", None)
        if theirs is not None and not any(self.config.getoption(f"benchmark_{n}", None) for n in _THEIR_TABLE):
            theirs.quiet = True  # nine hundred lines of up to 220 columns

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            cell = cell_of(item)
            self.cells[cell] = _COST.get(cell.rpartition("-")[2], 1.0)

    def pytest_runtestloop(self) -> None:
        self.began = self.cell_began = time.monotonic()
        if not self.config.getoption("collectonly"):
            self._write(f"{len(self.cells)} cells, {self.load}\n")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Any:
        result = yield
        cell = cell_of(item)
        if nextitem is None or cell_of(nextitem) != cell:
            self._write(self._line(cell) + "\n")
        return result

    def _line(self, cell: str) -> str:
        now, total = time.monotonic(), len(self.cells)
        took, self.cell_began = now - self.cell_began, now
        self.done, self.finished = self.done + self.cells[cell], self.finished + 1
        left = (now - self.began) / self.done * (sum(self.cells.values()) - self.done)
        place = f"{self.finished:{len(str(total))}}/{total}"
        return f"{place} {cell:<28} {took:6.1f} s, {minutes(max(left, 0.0))} left"

    def _write(self, text: str) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        # Not write_line, which forgets whose file's name stands at the start of the line and writes it again.
        if reporter is not None:
            reporter.write(text, flush=True)

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """No dots: the line of the cell says that it is done."""
        plain = report.when == "call" and self.config.getoption("verbose") <= 0
        return (report.outcome, "", "") if plain and report.outcome == "passed" else None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        from twinstep.bench.speed.standings import lines

        for line in lines(self.rows):
            terminalreporter.write_line(line)
        if self.rows:
            took = minutes(time.monotonic() - self.began)
            cells = f"{self.finished} of {len(self.cells)} cells"
            terminalreporter.write_line(f"{cells} in {took}, at most {_peak()} resident; {self.load}")


def minutes(seconds: float) -> str:
    """A time for people: 12 s, 3 min 05 s."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def _load() -> str:
    if not hasattr(os, "getloadavg"):
        return f"{os.cpu_count()} cores"
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores when it began"


def _peak() -> str:
    try:
        import resource
    except ImportError:  # Windows
        return "unknown memory"
    bytes_ = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return f"{bytes_ / 1e9:.1f} GB"
