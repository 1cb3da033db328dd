"""The manifest: the name of every test and benchmark, committed, so that none vanishes unseen.

Names and not numbers: a benchmark that is renamed, or exchanged for an easier one, leaves the number as it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .tables import TableError, replace_file

# Runs that are green having tested less are the commonest serious defect of gates (scikit-learn#33003: 47 checks became
# 1, still green; pybroker#287).
FILE = "tests/manifest.json"

Manifest = dict[str, tuple[str, ...]]  # test function -> the ids of its parameters; one empty id where it has none

# Run in a process of its own: collecting imports the tests, and each test file may be collected only once. The answer
# has a mark and a line of its own, since conftest files and plugins print as well.
_COLLECT = """
import json, sys, pytest
class Names:
    def pytest_collection_finish(self, session):
        print("\\n@" + json.dumps([item.nodeid for item in session.items]))
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"], plugins=[Names()]))
"""


def collect(root: Path) -> Manifest:
    """What the tree at root has. TableError when pytest cannot collect it."""
    run = subprocess.run([sys.executable, "-c", _COLLECT], cwd=root, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("@")]
    if run.returncode or not lines:
        output = f"{run.stdout}\n{run.stderr}".splitlines()
        output = [line for line in output if line.strip() and not line.startswith("@")]
        raise TableError("\n".join([f"pytest cannot collect {root}:", *output[-25:]]))
    return grouped(json.loads(lines[-1][1:]))


def grouped(names: Iterable[str]) -> Manifest:
    """Names of tests as pytest prints them, by function."""
    found: dict[str, list[str]] = {}
    for name in names:
        function, bracket, rest = name.partition("[")
        found.setdefault(function, []).append(rest.removesuffix("]") if bracket else "")
    return {function: tuple(sorted(ids)) for function, ids in sorted(found.items())}


def total(manifest: Manifest) -> int:
    """How many tests and benchmarks it names."""
    return sum(len(ids) for ids in manifest.values())


def read(root: Path, base: str | None = None) -> Manifest:
    """The committed manifest of the working tree, or of the commit `base`. TableError when there is none."""
    if base is None:
        if not (root / FILE).is_file():
            raise TableError(f"there is no {FILE} here; `twinstep manifest --write` makes it")
        return _parsed((root / FILE).read_text(encoding="utf-8"), FILE)
    shown = subprocess.run(["git", "show", f"{base}:{FILE}"], cwd=root, capture_output=True, text=True)
    if shown.returncode:
        raise TableError(f"the commit {base} has no {FILE}: {shown.stderr.strip()}")
    return _parsed(shown.stdout, f"{base}:{FILE}")


def _parsed(text: str, where: str) -> Manifest:
    try:
        table = json.loads(text)
        # Until version 0.1 it held numbers; so many tests of unknown names is what such a base can say.
        return {name: tuple(ids) if isinstance(ids, list) else ("?",) * int(ids) for name, ids in table.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise TableError(f"{where} cannot be read ({error}); `twinstep manifest --write` makes it anew") from None


def write(root: Path, found: Manifest) -> None:
    """A line for each function, so that a diff shows which one changed. TableError when it cannot be written."""
    lines = [f"{json.dumps(name)}: {json.dumps(ids)}" for name, ids in sorted(found.items())]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    replace_file(root / FILE, text.encode)


def compare(expected: Manifest, found: Manifest) -> tuple[list[str], list[str]]:
    """(what vanished, what is new), by the names that pytest takes."""
    return sorted(_missing_from(expected, found)), sorted(_missing_from(found, expected))


def _missing_from(expected: Manifest, found: Manifest) -> Iterable[str]:
    for function, ids in expected.items():
        there = found.get(function, ())
        # A base of version 0.1 says how many, not which: then numbers are compared.
        if "?" in (*ids, *there):
            yield from [f"{function} ({len(ids)} tests, {len(there)} there)"] * max(0, len(ids) - len(there))
            continue
        for name in set(ids) - set(there):
            yield f"{function}[{name}]" if name else function
