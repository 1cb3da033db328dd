"""Times: the cells that agree, process by process, until each is decided."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..config import Plan
from ..decide import OPEN, REGRESSION, Decision, Rule, decide
from ..history import History
from ..outcome import Fault, Outcome, Progress, accept
from ..statistics import changes, comparable_times, relative_change
from ..subjects import Cell
from ..trees import GateError
from ..worker.process import messages
from .faults import messages_or_fault, record_broken

TASK = "time"  # of the worker; the name of the fault when it dies


@dataclass
class _CellState:
    """A cell on its way to a decision: one number a process and arm."""

    cell: Cell
    changes: list[float]
    nulls: list[float]
    ratios: list[float]
    decision: Decision | None = None

    @property
    def is_open(self) -> bool:
        return self.decision is None or self.decision.verdict == OPEN

    def add(self, measured: Mapping[str, Any], rule: Rule) -> Decision:
        """The decision after the times of one more process."""
        seconds = comparable_times(measured)
        slower, null = changes(seconds)
        self.changes.append(slower)
        self.nulls.append(null)
        if "reference" in seconds:
            self.ratios.append(1 + relative_change(seconds["head"], seconds["reference"]))
        self.decision = decide(self.changes, self.nulls, rule)
        return self.decision


def select(cells: Sequence[Cell], only: tuple[str, ...], *, strict: bool = True) -> list[Cell]:
    """GateError, if strict, for a name that begins no benchmark's: nothing timed must not look like nothing slower."""
    for name in only if strict else ():
        if not any(cell.name.startswith(name) for cell in cells):
            raise GateError(
                f"no benchmark begins with {name!r}; there are {', '.join(c.name for c in cells) or 'none'}"
            )
    return [cell for cell in cells if not only or cell.name.startswith(only)]


def measure(plan: Plan, outcome: Outcome, cells: Sequence[Cell], history: History | None, progress: Progress) -> None:
    """Times all cells in one fresh process after the other, until every one is decided; fills in the outcome."""
    rule = plan.settings.rule
    known = len(outcome.faults)
    states = {c.name: _CellState(c, [], [], []) for c in cells}
    outcome.expected_cells = len(states)
    most = 2 * rule.extended  # a cell may need the longest screen and then the longest confirmation
    for number in range(most):
        waiting = [s for s in states.values() if s.is_open]
        if not waiting:
            break
        began = time.monotonic()
        _one_process(plan, outcome, states, number, history)
        if any(fault.name == TASK for fault in outcome.faults):
            break  # the next process would die of the same
        progress(_progress_line(states.values(), number + 1, most, time.monotonic() - began))
        red = outcome.verdicts(REGRESSION) or any(not fault.accepted for fault in outcome.faults[known:])
        if red and not plan.keep_going and (open_ := [s.cell.name for s in states.values() if s.is_open]):
            outcome.notes.append(f"timing ended with {len(open_)} benchmarks undecided, since it is red: --keep-going")
            break
    for name, state in states.items():
        # Of one process there is no range, and so no TIE: its ratio is not shown.
        if len(state.ratios) > 1:
            outcome.reference[name] = (statistics.median(state.ratios), min(state.ratios), max(state.ratios))


def _one_process(
    plan: Plan, outcome: Outcome, states: dict[str, _CellState], number: int, history: History | None
) -> None:
    """One more number for every open cell. A cell that broke is a fault, and leaves `states`."""
    waiting = [s.cell for s in states.values() if s.is_open]
    for message in messages_or_fault(_orders(plan, waiting, number), outcome.faults):
        if message["kind"] == "environment":
            outcome.environment = {k: v for k, v in message.items() if k != "kind"}
        elif message["kind"] in ("broken", "idle"):
            if message["kind"] == "broken":
                record_broken(message, outcome, outcome.faults)
            else:
                outcome.faults += accept([_idle(message)], plan.accepted)
            states.pop(message["cell"], None)
            outcome.expected_cells = len(states)
        elif message["kind"] == "times":
            state = states[message["cell"]]
            outcome.cells[state.cell.name] = state.add(message, plan.settings.rule)
            outcome.numbers[state.cell.name] = state.changes, state.nulls
            if history is not None:
                history.append(plan.base.commit, plan.head.commit, state.cell, number, message, outcome.environment)


def _idle(message: Mapping[str, Any]) -> Fault:
    """Red where the head's change made it so; where the base's does nothing either, it never was a benchmark."""
    if message["arm"] == "head":
        return Fault(name=message["cell"], kind="broken", text=f"in the head alone, {message['why']}")
    return Fault(name=message["cell"], kind="idle", text=message["why"])


def timed_once(plan: Plan, cells: Sequence[Cell], number: int) -> Iterator[tuple[Cell, dict[str, Any], dict[str, Any]]]:
    """(cell, its times, the environment) of one process, with nothing decided: for the self-test and for the noise."""
    by_name, environment = {cell.name: cell for cell in cells}, {}
    for message in messages(_orders(plan, cells, number)):
        if message["kind"] == "environment":
            environment = {k: v for k, v in message.items() if k != "kind"}
        elif message["kind"] == "times":
            yield by_name[message["cell"]], message, environment


def _orders(plan: Plan, cells: Sequence[Cell], number: int) -> dict[str, Any]:
    orders = {**plan.orders, "task": TASK, "process": number, "cells": [asdict(cell) for cell in cells]}
    # The ratio to the reference is reported and decides nothing: those processes that every cell needs are enough.
    orders["reference"] = orders["reference"] and number < plan.settings.rule.clear_pass
    return orders


def _progress_line(states: Iterable[_CellState], number: int, most: int, seconds: float) -> str:
    waiting = [s for s in states if s.is_open]
    line = f"process {number} of {most} at most, {seconds:.0f} s: "
    if not waiting:
        return line + "every benchmark is decided"
    # The one that is furthest from passing is what the reader waits for.
    worst = max(waiting, key=lambda s: s.changes[-1] if s.changes else 0.0)
    now = statistics.median(worst.changes) if worst.changes else float("nan")
    left = f"at most {(most - number) * seconds:.0f} s left"
    return line + f"{len(waiting)} open, {worst.cell.name} {now:+.1%} so far, {left}"
