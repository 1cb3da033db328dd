"""Processes and inner runs of pytest in which `twinstep` is this tree."""

from __future__ import annotations

import pytest
import this_tree


@pytest.fixture
def installed(tmp_path):
    """The environment of a process in which this tree is what `twinstep` means, and their module can be imported."""
    return this_tree.environment(tmp_path / "site")


@pytest.fixture
def run(pytester, monkeypatch):
    """run(*arguments) -> the result of pytest in an empty folder, in this process."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    common = (*this_tree.plugin(), "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:benchmark")
    return lambda *arguments: pytester.runpytest_inprocess(*common, *map(str, arguments))
