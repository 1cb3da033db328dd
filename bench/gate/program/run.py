"""One gate run: agreement first, then what must be there, then times, process by process, until all is decided."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...records import manifest
from .. import config
from ..config import Plan, Settings
from ..history import History
from ..outcome import Fault, Outcome, Progress, accept
from ..subjects import Cell
from ..trees import GateError
from .agreement import agreeing_cells
from .times import measure, select
from .vanished import vanished_benchmarks, vanished_tests

# What of a tree judges, beside the settings: a pull request that changes it is judged by what the base has there.
JUDGED_BY_BASE = (manifest.FILE, "reference/known_defects")


def run(plan: Plan, history: History | None, progress: Progress = lambda line: None) -> Outcome:
    """Judges and times; every finished process is in the history, if there is one, before the next begins."""
    began, load = time.monotonic(), _load()
    outcome = Outcome(base=plan.base.commit, head=plan.head.commit, threshold=plan.settings.rule.threshold)
    outcome.notes += config.differences(plan.settings, _head_settings(plan))
    # Base and head share one process, hence one installation: a new requirement cannot be had for the head alone.
    if config.needs(plan.base.root) != config.needs(plan.head.root):
        outcome.notes.append("the head changes what is installed; base and head both ran with what is installed here")
    for path in JUDGED_BY_BASE:
        # Told, though it decides nothing: who changes what judges him should be seen to do so.
        if _content(plan.base.root / path) != _content(plan.head.root / path):
            outcome.notes.append(f"the head changes {path}; judged by the base's")
    faults: list[Fault] = []
    with ThreadPoolExecutor(1) as beside:  # pytest collects in a process of its own, while others judge
        tests = beside.submit(vanished_tests, plan, outcome) if "tests" in plan.parts else None
        cells = agreeing_cells(plan, outcome, faults, progress)
    faults += vanished_benchmarks(plan)
    faults += tests.result() if tests is not None else []
    outcome.faults = list(accept(faults, plan.accepted))
    _tell(outcome.faults, progress)
    if "time" in plan.parts:
        # Where something is red, the benchmarks that --only names may be missing for that reason: no second error.
        red = not all(fault.accepted for fault in outcome.faults)
        chosen = select(cells, plan.only, strict=not red)
        if red and not plan.keep_going:
            outcome.notes.append(f"nothing was timed ({len(chosen)} benchmarks), since it is red already: --keep-going")
            outcome.expected_cells = len(chosen)
        else:
            measure(plan, outcome, chosen, history, progress)
        _tell(outcome.faults[len(faults) :], progress)
    # A typo in --accept would leave a fault red, and the reader wondering why.
    unknown = plan.accepted - {fault.name for fault in outcome.faults}
    outcome.notes += [f"--accept {name}: there was nothing of that name to accept" for name in sorted(unknown)]
    outcome.seconds, outcome.load = time.monotonic() - began, (load, _load())
    return outcome


def _tell(faults: list[Fault], progress: Progress) -> None:
    for fault in faults:
        progress(f"{'accepted' if fault.accepted else 'RED'}: {fault.kind}: {fault.name}: {fault.text.splitlines()[0]}")


def _head_settings(plan: Plan) -> Settings | None:
    with contextlib.suppress(GateError):  # they judge nothing; a fault in them shows once they are the base's
        return config.read(plan.head.root)
    return None


def _content(path: Path) -> dict[str, bytes]:
    """The bytes of a file, or of every file below a folder; nothing where there is none."""
    files = [path] if path.is_file() else [file for file in path.rglob("*.*") if file.suffix != ".pyc"]
    return {file.name if file == path else str(file.relative_to(path)): file.read_bytes() for file in files}


def _load() -> float:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


def cells_of(plan: Plan) -> list[Cell]:
    """Everything that a gate would time, unjudged."""
    unjudged = dataclasses.replace(plan, parts=frozenset())
    return agreeing_cells(unjudged, Outcome(base="", head="", threshold=0), [], lambda line: None)
