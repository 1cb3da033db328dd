"""Planted bugs: what the battery must catch, as data. Each is a plain optimizer with one thing wrong.

`plain` holds the right classes, written as a stranger would write them: explicit loops, tensors changed in place,
nothing of this project. They are the proof of no false alarm for foreign code, and the ground that each bug changes
in one place. Every other file holds the bugs that the check of its name must catch, each a subclass below `@bug(...)`.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from twinstep.bench.battery.checks import CHECKS

from ._bug import FAMILIES, FOUND, Bug

__all__ = ["BUGS", "FAMILIES"]

FOLDER = Path(__file__).parent
RIGHT = {"plain", "plain_lbfgs", "plain_differentiable"}


def _all() -> tuple[Bug, ...]:
    """In the order of the report, and of each file. A file that no check has the name of would never be judged."""
    stems = {path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")} - RIGHT
    strays = stems - {name.replace("-", "_") for name in CHECKS}
    if strays:
        raise LookupError(f"tests/planted has files that no check has the name of: {', '.join(sorted(strays))}")
    for name in CHECKS:
        if (stem := name.replace("-", "_")) in stems:
            importlib.import_module(f".{stem}", __package__)
    for bug in FOUND:
        if bug.check.replace("-", "_") != bug.cls.__module__.rpartition(".")[2]:
            raise LookupError(f"{bug.cls.__module__}: {bug.name} must be caught by {bug.check}: move it to that file")
    return tuple(FOUND)


BUGS = _all()
