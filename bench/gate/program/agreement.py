"""Agreement: what the judging worker finds of each optimizer, as faults, notes and the cells that may be timed."""

from __future__ import annotations

from typing import Any

from .. import subjects
from ..config import Plan
from ..outcome import Fault, Outcome, Progress
from ..subjects import Cell
from .faults import messages_or_fault, record_broken


def agreeing_cells(plan: Plan, outcome: Outcome, faults: list[Fault], progress: Progress) -> list[Cell]:
    """The cells that may be timed: those of optimizers that agree, and the library's own benchmarks."""
    findings = _Findings(outcome, faults, progress)
    orders = {**plan.orders, "task": "judge", "agreement": "agreement" in plan.parts}
    for message in messages_or_fault(orders, faults):
        getattr(findings, f"read_{message['kind']}")(message)
    excluded = sorted(findings.disagreeing & findings.cells.keys())
    outcome.notes += [f"{name} is not timed, since it does not agree" for name in excluded]
    agreeing = [cell for name, cells in findings.cells.items() if name not in excluded for cell in cells]
    return agreeing + [subjects.benchmark_cell(target) for target in plan.settings.benchmarks]


class _Findings:
    """Files every message of the judging worker; a method for each kind of message."""

    def __init__(self, outcome: Outcome, faults: list[Fault], progress: Progress) -> None:
        self.outcome, self.faults, self.progress = outcome, faults, progress
        self.cells: dict[str, list[Cell]] = {}
        self.disagreeing: set[str] = set()

    def read_optimizer(self, message: dict[str, Any]) -> None:
        name = message["optimizer"]
        if not message["head"]:
            text = "the base has this optimizer and the head does not"
            self.faults.append(Fault(name=name, kind="vanished", text=text))
        elif not message["base"]:
            self.outcome.notes.append(f"{name} is new: judged, and timed from the next pull request on")

    def read_cells(self, message: dict[str, Any]) -> None:
        self.cells[message["optimizer"]] = [Cell.from_json(body) for body in message["cells"]]

    def read_broken(self, message: dict[str, Any]) -> None:
        record_broken(message, self.outcome, self.faults)
        self.disagreeing.add(message.get("optimizer", ""))

    def read_check(self, message: dict[str, Any]) -> None:
        name, check, status = message["optimizer"], message["check"], message["status"]
        ran, failures = self.outcome.checks.get(name, (0, 0))
        failed = status == "failed"
        if status == "passed unexpectedly":  # a head that mends what the base knows to fail is no fault
            self.outcome.notes.append(f"{name}:{check} is known to fail on the base, and passes")
        self.outcome.checks[name] = (ran + (not status.startswith("not ")), failures + failed)
        if failed:
            self.disagreeing.add(name)
            self.faults.append(Fault(name=f"{name}:{check}", kind="agreement", text=message["text"]))

    def read_loss(self, message: dict[str, Any]) -> None:
        self.outcome.losses.append(_without_kind(message))
        if message["moved"]:
            text = f"the final loss moved from {message['base']!r} to {message['head']!r}"
            self.faults.append(Fault(name=f"{message['optimizer']}:{message['problem']}", kind="loss", text=text))

    def read_gap(self, message: dict[str, Any]) -> None:
        self.outcome.gaps.append(_without_kind(message))

    def read_judged(self, message: dict[str, Any]) -> None:
        ran, failures = self.outcome.checks[message["optimizer"]]
        self.progress(f"agreement: {message['optimizer']}: {ran} checks, {failures} failed")


def _without_kind(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "kind"}
