"""The gate run: agreement first, then what must be there, then times, process by process, until all is decided."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..records import manifest
from ..records.tables import TableError
from . import config, subjects
from .config import Settings
from .decide import OPEN, Decision, Rule, decide
from .history import History
from .outcome import Fault, Outcome, accept
from .subjects import Cell
from .trees import Checkout, GateError
from .workers import WorkerDied, answers

Tell = Callable[[str], Any]


PARTS = frozenset({"agreement", "tests", "time", "reference"})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be judged.

    base, head      the two checkouts
    accepted        names of removals, checks and losses that a maintainer accepts
    only            cells to time, by the beginning of their names; all unless given
    parts           what is done, of PARTS: the self-test leaves out what its own trees cannot differ in
    """

    base: Checkout
    head: Checkout
    settings: Settings
    accepted: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()
    parts: frozenset[str] = PARTS

    @property
    def orders(self) -> dict[str, Any]:
        roots = {"base": str(self.base.root), "head": str(self.head.root)}
        return {**roots, "settings": asdict(self.settings), "reference": "reference" in self.parts}


def settings_of(base: Path) -> Settings:
    """The base's settings. GateError when it has none."""
    found = config.read(base)
    if found is None:
        raise GateError(
            "the base has no [tool.twinstep.gate] in its pyproject.toml, so there is nothing to judge it by; a gate "
            "begins with the commit after the one that adds it"
        )
    return found


def run(plan: Plan, history: History | None, tell: Tell = lambda line: None) -> Outcome:
    """Judges and times; every finished process is in the history, if there is one, before the next begins."""
    began, load = time.monotonic(), _load()
    outcome = Outcome(base=plan.base.commit, head=plan.head.commit, threshold=plan.settings.rule.threshold)
    outcome.notes += config.differences(plan.settings, _head_settings(plan))
    if config.needs(plan.base.root) != config.needs(plan.head.root):
        outcome.notes.append("the head changes what is installed; base and head both ran with what is installed here")
    for file in (manifest.FILE, "reference/known_defects"):
        if _bytes(plan.base.root / file) != _bytes(plan.head.root / file):
            outcome.notes.append(f"the head changes {file}; judged by the base's")
    faults: list[Fault] = []
    cells = _agreement(plan, outcome, faults, tell)
    faults += _vanished_benchmarks(plan)
    if "tests" in plan.parts and (plan.base.root / manifest.FILE).is_file():
        tell("counting the head's tests")
        faults += _tests(plan, outcome)
    unknown = plan.accepted - {fault.name for fault in faults}
    outcome.notes += [f"--accept {name}: there was nothing of that name to accept" for name in sorted(unknown)]
    outcome.faults = list(accept(faults, plan.accepted))
    for fault in outcome.faults:
        tell(f"{'accepted' if fault.accepted else 'RED'}: {fault.kind}: {fault.name}: {fault.text.splitlines()[0]}")
    if "time" in plan.parts:
        red = not all(fault.accepted for fault in outcome.faults)  # and its benchmarks may be missing for that reason
        _times(plan, outcome, chosen(cells, plan.only, strict=not red), history, tell)
    outcome.seconds, outcome.load = time.monotonic() - began, (load, _load())
    return outcome


def _head_settings(plan: Plan) -> Settings | None:
    with contextlib.suppress(GateError):  # they judge nothing; a fault in them shows once they are the base's
        return config.read(plan.head.root)
    return None


def _bytes(place: Path) -> dict[str, bytes]:
    """What a file holds, or a folder of data and its reader; nothing where there is neither."""
    files = [place] if place.is_file() else sorted(p for p in place.glob("*") if p.is_file())
    return {file.name: file.read_bytes() for file in files}


def _load() -> float:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


# --- agreement -----------------------------------------------------------------------------------------------------


def _agreement(plan: Plan, outcome: Outcome, faults: list[Fault], tell: Tell) -> list[Cell]:
    """The cells that may be timed: those of optimizers that agree, and the library's own benchmarks."""
    found: dict[str, list[Cell]] = {}
    wrong: set[str] = set()
    for said in _until_death({**plan.orders, "task": "judge", "agreement": "agreement" in plan.parts}, faults):
        name = said.get("optimizer", "")
        if said["kind"] == "cells":
            found[name] = [Cell(**{**body, "shapes": tuple(map(tuple, body["shapes"]))}) for body in said["cells"]]
        elif said["kind"] == "broken":
            _broken(said, outcome, faults)
            wrong.add(name)
        elif said["kind"] == "optimizer" and not said["head"]:
            faults.append(Fault(name=name, kind="vanished", text="the base has this optimizer and the head does not"))
        elif said["kind"] == "optimizer" and not said["base"]:
            outcome.notes.append(f"{name} is new: judged, and timed from the next pull request on")
        elif said["kind"] == "check":
            ran, bad = outcome.checks.get(name, (0, 0))
            failed = said["status"] == "failed"
            if said["status"] == "passed unexpectedly":  # a head that mends what the base knows to fail is no fault
                outcome.notes.append(f"{name}:{said['check']} is known to fail on the base, and passes")
            outcome.checks[name] = (ran + (not said["status"].startswith("not ")), bad + failed)
            if failed:
                wrong.add(name)
                faults.append(Fault(name=f"{name}:{said['check']}", kind="agreement", text=said["text"]))
        elif said["kind"] == "loss":
            outcome.losses.append({k: v for k, v in said.items() if k != "kind"})
            if said["moved"]:
                text = f"the final loss moved from {said['base']!r} to {said['head']!r}"
                faults.append(Fault(name=f"{name}:{said['problem']}", kind="loss", text=text))
        elif said["kind"] == "gap":
            outcome.gaps.append({k: v for k, v in said.items() if k != "kind"})
        elif said["kind"] == "judged":
            tell(f"agreement: {name}: {outcome.checks[name][0]} checks, {outcome.checks[name][1]} failed")
    outcome.notes += [f"{name} is not timed, since it does not agree" for name in sorted(wrong & found.keys())]
    agreeing = [cell for name, cells in found.items() if name not in wrong for cell in cells]
    return agreeing + [subjects.benchmark_cell(target) for target in plan.settings.benchmarks]


def cells_of(plan: Plan) -> list[Cell]:
    """Everything that a gate would time, unjudged."""
    return _agreement(
        dataclasses.replace(plan, parts=frozenset()), Outcome(base="", head="", threshold=0), [], lambda _: 0
    )


def _until_death(orders: dict[str, Any], faults: list[Fault]) -> Iterator[dict[str, Any]]:
    """The answers of a worker; that it died of somebody's code is red, under the name of its task."""
    try:
        yield from answers(orders)
    except WorkerDied as death:
        faults.append(Fault(name=orders["task"], kind="broken", text=str(death)))


def _broken(said: dict[str, Any], outcome: Outcome, faults: list[Fault]) -> None:
    """What fails in the head alone broke there; what the base cannot run is told and compared with nothing."""
    name = said.get("optimizer") or said.get("cell") or "the library"
    last = said["error"].strip().splitlines()[-1]
    if said["arm"] == "head":
        faults.append(Fault(name=name, kind="broken", text=f"the head does not run: {last}\n{said['error']}"))
    elif name == "the library":
        raise GateError(f"the base cannot run: {last}\n{said['error']}")
    else:
        outcome.notes.append(f"{name}: the base cannot run it ({last}), so there is nothing to compare with")


# --- what must be there --------------------------------------------------------------------------------------------


def _vanished_benchmarks(plan: Plan) -> Iterable[Fault]:
    for target in plan.settings.benchmarks:
        own = target.partition(":")[0].partition(".")[0] in plan.settings.packages
        if not subjects.has_benchmark(plan.head.root / plan.settings.source if own else plan.head.root, target):
            yield Fault(name=target, kind="vanished", text="the base has this benchmark and the head does not")


def _tests(plan: Plan, outcome: Outcome) -> Iterable[Fault]:
    """Tests or benchmarks that the base's manifest names and the head does not have."""
    expected = manifest.read(plan.base.root)
    try:
        found = manifest.collect(plan.head.root)
    except TableError as error:
        said = str(error).splitlines()
        yield Fault(name="tests", kind="broken", text="\n".join([said[0], *said[1:][-12:]]))
        return
    outcome.expected_tests, outcome.found_tests = manifest.total(expected), manifest.total(found)
    vanished, _ = manifest.compare(expected, found)
    if vanished:
        gone = f"{len(vanished)} tests or benchmarks of the base's manifest are not in the head"
        yield Fault(
            name="tests", kind="vanished", text="\n".join([gone, *vanished[:50], *["..."] * (len(vanished) > 50)])
        )


# --- times ---------------------------------------------------------------------------------------------------------


@dataclass
class _Cell:
    """A cell on its way to a decision: one number a process and arm."""

    cell: Cell
    changes: list[float]
    nulls: list[float]
    ratios: list[float]
    decision: Decision | None = None


def chosen(cells: Sequence[Cell], only: tuple[str, ...], *, strict: bool = True) -> list[Cell]:
    """GateError, if strict, for a name that begins no benchmark's: nothing timed must not look like nothing slower."""
    for name in only if strict else ():
        if not any(cell.name.startswith(name) for cell in cells):
            raise GateError(
                f"no benchmark begins with {name!r}; there are {', '.join(c.name for c in cells) or 'none'}"
            )
    return [cell for cell in cells if not only or cell.name.startswith(only)]


def _times(plan: Plan, outcome: Outcome, cells: Sequence[Cell], history: History | None, tell: Tell) -> None:
    rule = plan.settings.rule
    state = {c.name: _Cell(c, [], [], []) for c in cells}
    outcome.expected_cells = len(state)
    most = 2 * rule.extended
    for number in range(most):
        waiting = [s for s in state.values() if s.decision is None or s.decision.verdict == OPEN]
        if not waiting:
            break
        began = time.monotonic()
        orders = {**plan.orders, "task": "time", "process": number, "cells": [asdict(s.cell) for s in waiting]}
        for said in _until_death(orders, outcome.faults):
            if said["kind"] == "environment":
                outcome.environment = {k: v for k, v in said.items() if k != "kind"}
            elif said["kind"] == "broken":
                _broken(said, outcome, outcome.faults)
                state.pop(said["cell"], None)
                outcome.expected_cells = len(state)
            elif said["kind"] == "times":
                one = state[said["cell"]]
                _count(one, said, rule)
                outcome.cells[one.cell.name] = one.decision  # type: ignore[assignment]
                outcome.numbers[one.cell.name] = one.changes, one.nulls
                if history is not None:
                    history.append(plan.base.commit, plan.head.commit, one.cell, number, said, outcome.environment)
        if any(fault.name == orders["task"] for fault in outcome.faults):
            break  # the next process would die of the same
        tell(_progress(state.values(), number + 1, most, time.monotonic() - began))
    for name, one in state.items():
        if len(one.ratios) > 1:
            outcome.reference[name] = (statistics.median(one.ratios), min(one.ratios), max(one.ratios))


def _count(one: _Cell, said: dict[str, Any], rule: Rule) -> None:
    seconds = fair(said)
    slower, null = changes(seconds)
    one.changes.append(slower)
    one.nulls.append(null)
    if "reference" in seconds:
        one.ratios.append(1 + change(seconds["head"], seconds["reference"]))
    one.decision = decide(one.changes, one.nulls, rule)


# Where a block's time is this much above the processor's work in it, somebody else had the processor in between; where
# one base block in ten is, the clock says more about neighbours than about the code (measured on identical code
# beside other work, loads of 3 to 6 on two cores: processes strayed by up to 50 % by the clock, by 20 % with this limit
# at one half, and by 5 % with it at nine in ten).
DISTURBED = 1.02
CALM = 0.9


def fair(said: Mapping[str, Any]) -> dict[str, list[float]]:
    """The times of one process to judge by: by the clock, or, where neighbours took the processor away, by its work.

    Work is steady on a crowded machine and blind to waiting; so the clock judges wherever it can.
    """
    clock, work = said["seconds"], said["cpu"]
    if time.get_clock_info("process_time").resolution > 1e-5:  # too coarse for blocks of milliseconds (Windows)
        return dict(clock)
    calm = all(np.mean(np.divide(clock[arm], work[arm]) < DISTURBED) >= CALM for arm in ("base", "null"))
    return dict(clock if calm else work)


def changes(seconds: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """(head over base, base over base), minus 1, of one process.

    The base runs twice: both copies together are a steadier base than either, and their difference is the null arm.
    """
    return change(seconds["head"], seconds["base"], seconds["null"]), change(seconds["null"], seconds["base"])


def change(ours: Sequence[float], *theirs: Sequence[float]) -> float:
    """ours / (geometric mean of theirs) - 1 of one process: the median of the rounds' log ratios.

    Each pair of rounds runs forwards and backwards, so a machine that slows down steadily cancels.
    """
    logs = np.log(ours) - np.mean(np.log(theirs), axis=0)
    pairs = logs[: len(logs) // 2 * 2].reshape(-1, 2).mean(axis=1)
    return float(np.expm1(np.median(pairs)))


def _progress(state: Iterable[_Cell], number: int, most: int, seconds: float) -> str:
    waiting = [s for s in state if s.decision is None or s.decision.verdict == OPEN]
    line = f"process {number} of {most} at most, {seconds:.0f} s: "
    if not waiting:
        return line + "every cell is decided"
    worst = max(waiting, key=lambda s: s.changes[-1] if s.changes else 0.0)
    now = statistics.median(worst.changes) if worst.changes else float("nan")
    return line + f"{len(waiting)} open, {worst.cell.name} {now:+.1%} so far, at most {seconds:.0f} s a process more"
