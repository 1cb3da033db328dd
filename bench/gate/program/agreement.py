"""Agreement: which optimizers of the head are wrong, and so the cells that may be timed.

Red means that the head changed something. What fails in the head and not in the base beside it is a suspect, and is
judged once more in a fresh process; only what fails again is a fault.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from .. import subjects
from ..config import Plan
from ..outcome import Fault, Outcome, Progress
from ..subjects import Cell
from ..worker import process
from ..worker.agreement import EVERYTHING
from .findings import Findings
from .forecast import Forecast

# A worker holds torch and both trees, 0.4 GB: more than four at once would ask for more memory than runners have.
MOST_WORKERS = 4


def agreeing_cells(plan: Plan, outcome: Outcome, faults: list[Fault], progress: Progress) -> list[Cell]:
    """The cells that may be timed: those of optimizers that agree, and the library's own benchmarks."""
    agreement = "agreement" in plan.parts
    forecast = Forecast(plan, workers=workers() if agreement else 1)
    if agreement:
        progress(forecast.first_line)
    findings = Findings(outcome, lambda name: agreement and progress(forecast.judged(name, outcome.checks.get(name))))
    orders = {**plan.orders, "task": "judge", "agreement": agreement, "only": plan.only}
    _read_all(orders, findings, forecast.workers)
    if findings.suspects:
        _judge_again(orders, findings, progress)
    faults += findings.finish()
    outcome.notes += findings.notes
    wrong, not_running = findings.disagreeing, findings.not_running - findings.disagreeing
    # A fast wrong answer is no result.
    outcome.notes += [f"{name} is not timed, since it does not agree" for name in sorted(wrong & findings.cells.keys())]
    excluded = wrong | not_running
    agreeing = [cell for name, cells in sorted(findings.cells.items()) if name not in excluded for cell in cells]
    return agreeing + [subjects.benchmark_cell(target) for target in plan.settings.benchmarks]


def workers() -> int:
    """So many processes share the optimizers."""
    # A container or taskset leaves fewer than cpu_count() tells; macOS and Windows know no affinity.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def _judge_again(orders: dict[str, Any], findings: Findings, progress: Progress) -> None:
    """Every suspect in fresh processes; what does not fail again is told, and is no fault."""
    names: dict[str, list[str]] = {}
    for suspect in findings.suspects:
        names.setdefault(suspect.optimizer, []).append(suspect.part or EVERYTHING)
    progress(f"once more, in a fresh process: {', '.join(suspect.fault.name for suspect in findings.suspects)}")
    again = Findings(Outcome(base="", head="", threshold=0))
    _read_all({**orders, "again": names}, again, min(workers(), len(names)))
    findings.confirm(again)


def _read_all(orders: dict[str, Any], findings: Findings, processes: int) -> None:
    """Files what the workers find, which share the optimizers."""
    with tempfile.TemporaryDirectory(prefix="twinstep-gate-") as taken:
        while True:
            before, died = len(os.listdir(taken)), False
            for number, message in process.messages_of_all([{**orders, "taken": taken}] * processes):
                findings.read(number, message)
                died = died or message["kind"] == "died"
            # Others go on with what nobody has taken; who died before taking anything would do so again.
            if not died or len(os.listdir(taken)) == before:
                return
