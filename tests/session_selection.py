"""Which tests a session runs: what takes long, and benchmarks, only if asked for; it says what was left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

# As long as a session lives: reason -> how many, of one worker where there are several.
_SENT = "twinstep_deselected"


class Selection:
    """Deselects, after -k and -m: skipped instead, they would be a thousand lines among which a real skip is lost."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.deselected: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        why = {item: self._why_not(item) for item in items}
        items[:] = [item for item, reason in why.items() if reason is None]
        out = {item: reason for item, reason in why.items() if reason is not None}
        self.deselected.update(reason for reason in out.values() if reason)
        if out:
            self.config.hook.pytest_deselected(items=list(out))

    def _why_not(self, item: pytest.Item) -> str | None:
        """Why an item is left out, "" where nobody need hear of it; None for one that runs."""
        option = self.config.getoption
        benchmark = "benchmark" in getattr(item, "fixturenames", ())
        only = option("benchmark_only", False)
        if only and not benchmark:
            return ""
        # All that there is: a gate counts a tree's tests by --collect-only, by its base's program.
        if option("collectonly"):
            return None
        if benchmark and option("benchmark_skip", False) and not only:
            return "benchmarks (pytest --benchmark-only)"
        full, long = item.get_closest_marker("full"), item.get_closest_marker("thorough")
        if full is not None and not option("full"):
            return f"benchmarks: {full.args[0]} (pytest --benchmark-only --full)"
        if long is not None and not option("thorough"):
            return "thorough (pytest --thorough)"
        if long is not None and _seed(item) >= option("seeds"):
            return "of more seeds (pytest --thorough --seeds=20)"
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            longrepr: Any = report.longrepr
            reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
            self.skipped[reason.removeprefix("Skipped: ")] += 1

    def pytest_sessionfinish(self) -> None:
        if hasattr(self.config, "workerinput"):
            self.config.workeroutput[_SENT] = dict(self.deselected)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        # Every worker collects everything, so the numbers of one are those of all.
        self.deselected = Counter(getattr(node, "workeroutput", {}).get(_SENT, self.deselected))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for reason, number in sorted(self.skipped.items()):
            terminalreporter.write_line(f"skipped: {number:,}: {reason}")
        if self.deselected:
            parts = (f"{number:,} {reason}" for reason, number in sorted(self.deselected.items()))
            terminalreporter.write_line(f"deselected: {', '.join(parts)}")


def _seed(item: pytest.Item) -> int:
    """The seed that a test is parametrized by; -1 for none."""
    callspec = getattr(item, "callspec", None)
    return int(callspec.params.get("seed", -1)) if callspec else -1
