"""What every test may ask for, what pytest records, and when a benchmark session is refused."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import session_benchmarks
import this_tree
from session_benchmarks import BenchmarkScreen
from session_record import PROPERTY, Recorder
from session_selection import Selection

this_tree.use_this_tree()

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
    group.addoption("--full", action="store_true", help="with --benchmark-only: every cell, a quarter of an hour")
    group.addoption("--seeds", metavar="N", type=int, default=2,
                    help="--seeds=N: of those that run for many seeds, N (default: 2; all are 20)")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    import torch

    # torch imports these at the first step. If that is taken inside an inner pytest, which drops the modules that it
    # imported, the next one imports them again, and their operators cannot be registered twice.
    import torch._dynamo
    import torch.profiler

    torch.set_num_threads(1)  # sums in a fixed order, and xdist workers that do not fight for cores
    config.pluginmanager.register(Selection(config), "twinstep-selection")
    if hasattr(config, "workerinput"):
        return
    data = config.getoption("--data")
    if data is not None and not data.exists():
        raise pytest.UsageError(f"--data={data}: there is no such file or folder")
    if config.getoption("--seeds") < 1:
        raise pytest.UsageError(f"--seeds={config.getoption('--seeds')}: how many seeds? at least 1")
    session_benchmarks.refuse(config)
    rows: list[dict[str, Any]] = []
    config.pluginmanager.register(Recorder(config, rows), "twinstep-recorder")
    if config.getoption("benchmark_only", False):
        config.pluginmanager.register(BenchmarkScreen(config, rows), "twinstep-benchmarks")
    # As Ctrl-C: a time limit that ends a session of benchmarks leaves the tables of what was timed.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.add_cleanup(lambda: signal.signal(signal.SIGTERM, before))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[COLLECTED] = [item.nodeid for item in items]


@pytest.fixture
def collected(pytestconfig: pytest.Config) -> list[str]:
    """The names of all tests, before any selection."""
    return pytestconfig.stash[COLLECTED]


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported during this test, and are forgotten with it.

    Two tests may each write a `their_package.py`, and a process of `pytest -n` runs both.
    """
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Any:
    """record(kind, **row) puts one row into the tables of this run; twinstep.bench.rows says what a row needs."""
    from twinstep.bench.records import journal, rows

    def add(kind: str, **row: Any) -> None:
        complete = rows.complete(kind, row)
        request.node.user_properties.append((PROPERTY + kind, journal.encode(complete)))

    return add


@pytest.fixture(scope="session")
def airfoil_path(request: pytest.FixtureRequest) -> Path:
    """What --data gave: the airfoil file or its folder."""
    from objectives import NEEDS_DATA

    data = request.config.getoption("--data")
    if data is None:
        pytest.skip(NEEDS_DATA)
    return data
