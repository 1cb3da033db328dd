"""What every test may ask for, what pytest records, and when a benchmark session is refused."""

from __future__ import annotations

import contextlib
import signal
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import this_tree

this_tree.use_this_tree()

_PROPERTY = "twinstep:"  # the prefix of the user properties that carry rows


# The names of all tests, before any selection.
COLLECTED = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    # With "=": before pytest has read this file it takes an existing path after a space for a test to run.
    group = parser.getgroup("twinstep")
    group.addoption("--data", metavar="PATH", type=Path,
                    help="--data=PATH: the airfoil self-noise file, or the folder that has it")  # fmt: skip
    group.addoption("--results", metavar="DIR", type=Path, default=this_tree.ROOT / "results" / "last",
                    help="--results=DIR: where journal and tables of this run go (default: results/last)")  # fmt: skip
    group.addoption("--thorough", action="store_true", help="also the tests that take long, each of which says why")
    group.addoption("--seeds", metavar="N", type=int, default=2,
                    help="--seeds=N: of those that run for many seeds, N (default: 2; all are 20)")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    import torch

    # torch imports these at the first step. If that is taken inside an inner pytest, which drops the modules that it
    # imported, the next one imports them again, and their operators cannot be registered twice.
    import torch._dynamo
    import torch.profiler

    torch.set_num_threads(1)  # sums in a fixed order, and xdist workers that do not fight for cores
    if hasattr(config, "workerinput"):
        return
    data = config.getoption("--data")
    if data is not None and not data.exists():
        raise pytest.UsageError(f"--data={data}: there is no such file or folder")
    if config.getoption("--seeds") < 1:
        raise pytest.UsageError(f"--seeds={config.getoption('--seeds')}: how many seeds? at least 1")
    if config.getoption("benchmark_only", False) and config.getoption("dist", "no") != "no":
        raise pytest.UsageError("--benchmark-only with pytest-xdist: workers would time each other; leave out -n")
    config.pluginmanager.register(_Recorder(config), "twinstep-recorder")
    # As Ctrl-C: a time limit that ends a session of benchmarks leaves the tables of what was timed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Notes what was collected, skips what takes long, and deselects what is no benchmark under --benchmark-only.

    Skipped, the others would be a thousand lines of that summary.
    """
    config.stash[COLLECTED] = [item.nodeid for item in items]
    for item in items:
        long = item.get_closest_marker("thorough")
        if long is not None and not config.getoption("--thorough"):
            item.add_marker(pytest.mark.skip(reason=f"{long.args[0]}: pytest --thorough"))
        elif long is not None and _seed(item) >= config.getoption("--seeds"):
            item.add_marker(pytest.mark.skip(reason="more seeds: pytest --thorough --seeds=20"))
    if config.getoption("benchmark_only", False):
        others = {item: None for item in items if "benchmark" not in getattr(item, "fixturenames", ())}
        if others:
            config.hook.pytest_deselected(items=list(others))
            items[:] = [item for item in items if item not in others]


def _seed(item: pytest.Item) -> int:
    """The seed that a test is parametrized by; -1 for none."""
    callspec = getattr(item, "callspec", None)
    return int(callspec.params.get("seed", -1)) if callspec else -1


class _Recorder:
    """Lives in the controller: writes rows to the journal as reports arrive, and the tables when the session ends."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.folder = config, config.getoption("--results")
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
        carried = [(n.removeprefix(_PROPERTY), text) for n, text in report.user_properties if n.startswith(_PROPERTY)]
        fresh, self.written[report.nodeid] = carried[self.written[report.nodeid] :], len(carried)
        for kind, text in fresh:
            from twinstep.bench.records.journal import Journal, decode

            if self.journal is None:
                self.journal = Journal(self.folder)
            with self._telling():
                self.journal.append(kind, decode(text))
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
            self.said.append("--benchmark-only: nothing was timed; check the selection (-k, -m, paths)")
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


@pytest.fixture
def collected(pytestconfig: pytest.Config) -> list[str]:
    """The names of all tests, before any selection."""
    return pytestconfig.stash[COLLECTED]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Any:
    """record(kind, **row) puts one row into the tables of this run; twinstep.bench.rows says what a row needs."""
    from twinstep.bench.records import journal, rows

    def add(kind: str, **row: Any) -> None:
        complete = rows.complete(kind, row)
        request.node.user_properties.append((_PROPERTY + kind, journal.encode(complete)))

    return add


@pytest.fixture(scope="session")
def airfoil_path(request: pytest.FixtureRequest) -> Path:
    """What --data gave: the airfoil file or its folder."""
    from objectives import NEEDS_DATA

    data = request.config.getoption("--data")
    if data is None:
        pytest.skip(NEEDS_DATA)
    return data
