"""What a session records: rows to the journal as reports arrive, and the tables when it ends."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

PROPERTY = "twinstep:"  # the prefix of the user properties that carry rows


class Recorder:
    """Lives in the controller.

    shown   receives the rows of timings as well, for the screen
    """

    def __init__(self, config: pytest.Config, shown: list[dict[str, Any]]) -> None:
        self.config, self.shown, self.folder = config, shown, config.getoption("--results")
        self.journal: Any = None
        self.written: Counter[str] = Counter()
        self.timed = 0
        self.said: list[str] = []

    def pytest_sessionstart(self) -> None:
        from twinstep.bench.records.tables import TableError, check_folder

        try:
            check_folder(self.folder)  # now, not when the first row arrives
        except TableError as error:
            raise pytest.UsageError(f"{error} (--results=DIR)") from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Every phase's report carries all properties so far, those of a setup that failed too: write what is new.
        carried = [(n.removeprefix(PROPERTY), text) for n, text in report.user_properties if n.startswith(PROPERTY)]
        fresh, self.written[report.nodeid] = carried[self.written[report.nodeid] :], len(carried)
        for kind, text in fresh:
            from twinstep.bench.records.journal import Journal, decode

            if self.journal is None:
                self.journal = Journal(self.folder)
            row = decode(text)
            with self._telling():
                self.journal.append(kind, row)
            if kind == "timings":
                self.shown.append(row)
        if report.when == "teardown":
            del self.written[report.nodeid]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        fixture = getattr(item, "funcargs", {}).get("benchmark")
        self.timed += bool(report.when == "call" and report.passed and fixture is not None and fixture.stats)
        return report

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.journal is not None:
            from twinstep.bench.records.tables import TableError, write_tables

            try:
                with self._telling():
                    written = write_tables(self.folder)
                self.said.append("tables: " + ", ".join(str(p) for p in written))
            except TableError as error:
                self.said.append(f"tables: not written: {error}")
                session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
        fine = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        only = self.config.getoption("benchmark_only", False) and not self.config.getoption("collectonly")
        if only and fine and not self.timed:
            self.said.append("--benchmark-only: nothing was timed; check the selection (-k, -m, paths, --full)")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """What the journal warns of goes to the summary: between tests, a warning that is an error ends the run."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            yield
        self.said += [f"warning: {warning.message}" for warning in told]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self.said:
            terminalreporter.write_line(line)
