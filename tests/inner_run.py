"""Fixtures of tests that run a session within a test; a module has them by `pytest_plugins`."""

from __future__ import annotations

import pytest
from inner_session import SUITE, TESTS

from twinstep.bench.records import journal
from twinstep.bench.records.tables import read_table, write_tables


@pytest.fixture(scope="module")
def everything_is_loaded(tmp_path_factory):
    """pytester forgets what was first imported within a run, and pyarrow cannot be loaded twice into one process."""
    folder = tmp_path_factory.mktemp("loaded")
    cell = dict.fromkeys(("optimizer", "case", "problem", "implementation", "seed", "dtype", "device"), "x")
    journal.Journal(folder).append("losses", {**cell, "final_loss": 0.0})
    for path in write_tables(folder):
        read_table(path)


@pytest.fixture
def run(pytester, monkeypatch, everything_is_loaded):
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
