"""The manifest: how many tests and benchmarks each test function has, committed, so that none vanishes unseen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from .tables import TableError, replace_file

FILE = "tests/manifest.json"

# Run in a process of its own: collecting imports the tests, and each test file may be collected only once.
_COLLECT = """
import json, sys, pytest
class Count:
    def pytest_collection_finish(self, session):
        names = [item.nodeid.split("[")[0] for item in session.items]
        print("\\n@" + json.dumps(names))
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"], plugins=[Count()]))
"""


def collect(root: Path) -> Counter[str]:
    """Test functions of the tree at root -> how many tests each has. TableError when pytest cannot collect it."""
    run = subprocess.run([sys.executable, "-c", _COLLECT], cwd=root, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("@")]
    if run.returncode or not lines:
        raise TableError(f"pytest cannot collect {root}:\n{run.stdout}{run.stderr}")
    return Counter(json.loads(lines[-1][1:]))


def read(root: Path, base: str | None = None) -> Counter[str]:
    """The committed manifest of the working tree, or of the commit `base`. TableError when there is none."""
    if base is None:
        if not (root / FILE).is_file():
            raise TableError(f"there is no {FILE} here; `twinstep manifest --write` makes it")
        return Counter(json.loads((root / FILE).read_text(encoding="utf-8")))
    shown = subprocess.run(["git", "show", f"{base}:{FILE}"], cwd=root, capture_output=True, text=True)
    if shown.returncode:
        raise TableError(f"the commit {base} has no {FILE}: {shown.stderr.strip()}")
    return Counter(json.loads(shown.stdout))


def write(root: Path, counts: Counter[str]) -> None:
    text = json.dumps(dict(sorted(counts.items())), indent=1) + "\n"
    replace_file(root / FILE, text.encode)


def compare(expected: Counter[str], found: Counter[str]) -> tuple[list[str], list[str]]:
    """(what vanished, what is new), one sentence for each test function that has fewer or more tests than expected."""
    vanished = [f"vanished: {n}: {found[n]} of {c} tests" for n, c in sorted(expected.items()) if found[n] < c]
    grown = [f"new: {n}: {c - expected[n]} more tests" for n, c in sorted(found.items()) if c > expected[n]]
    return vanished, grown
