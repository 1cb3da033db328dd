"""The gate before itself: identical code must stay green, work that is really added and real mistakes must go red.

The code under test is this Twinstep's own, so the proof runs anywhere. Every decision is one cell in one gate run, made
from processes of its own: none is resampled. Decisions accumulate in a file, machine by machine, and a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ... import scratch_impls
from ...scratch_impls import Spec
from ..records import journal
from ..records.rows import ROOT, commit, environment
from ..report.terminal import console
from ..speed.shapes import elements
from . import config, program, report, workers
from .config import Settings
from .decide import INCONCLUSIVE, REGRESSION, Rule
from .history import MACHINE, History
from .program import Plan
from .start import alone
from .subjects import Cell
from .trees import Checkout, GateError

KIND = "selftest"
IDENTICAL, BUG = "identical", "bug"
SLOWDOWNS = {"+5 %": 0.05, "+10 %": 0.10}
# What is asked of the gate; a machine contradicts it when the whole interval lies on the wrong side.
ASKED = {IDENTICAL: 0.0, "+5 %": 0.95, "+10 %": 0.99, BUG: 1.0}

# A slowdown takes three times the processes of identical code, and fewer decisions show its rate.
SHARE = 5

# Written into the head's adapter, at the end of its step: a loop with as many iterations in every process. That is
# work, and not a share of whatever time a step took.
_END_OF_STEP = "        return loss\n"
_LOOP = """        for _ in _repeat(None, self.__dict__.get("_loops") or _loops_of(self)):
            pass
        return loss
"""
_LOOPS_OF = """

from itertools import repeat as _repeat

_LOOPS = {loops!r}


def _loops_of(optimizer):
    group = optimizer.param_groups[0]
    numbers = sum(p.numel() for p in group["params"])
    key = f"{{optimizer.spec.name}} {{numbers}} {{[group[name] for name in optimizer.spec.defaults]}}"
    optimizer._loops = _LOOPS[key]
    return optimizer._loops
"""


def _key(cell: Cell) -> str:
    """How the loop above knows which cell it stands in."""
    hyper = scratch_impls.load(cell.optimizer).hyper(**cell.hyper)
    return f"{cell.optimizer} {elements(cell.shapes)} {list(hyper.values())}"


def _loops_per_second() -> float:
    def once() -> float:
        began = time.perf_counter()
        for _ in itertools.repeat(None, 20_000):
            pass
        return time.perf_counter() - began

    return 20_000 / min(once() for _ in range(50))


# Appended to every formula of the head.
_BUGGED = """

import dataclasses as _dataclasses
import functools as _functools


def _doubled(eps):
    return tuple(part and 2 * part for part in eps) if isinstance(eps, (tuple, list)) else 2 * eps


def _bugged(update):
    @_functools.wraps(update)
    def wrong(param, grad, state, step, **hyper):
        {before}
        new_param, new = update(param, grad, state, step, **hyper)
        return {after}

    return wrong


SPEC = _dataclasses.replace(SPEC, update=_bugged(SPEC.update))
"""


@dataclass(frozen=True, kw_only=True)
class Bug:
    """before, after: what is put around a right update; applies: whether it changes anything in a formula."""

    name: str
    before: str = "pass"
    after: str = "new_param, new"

    def applies(self, spec: Spec) -> bool:
        if self.name == "eps is doubled":
            return "eps" in spec.defaults
        if self.name == "the state is forgotten":
            return any(spec.start(1.0, spec.hyper(**case.hyper)) for case in spec.cases)
        return True


BUGS = (
    Bug(name="lr is 0.1 % too large", after="param + 1.001 * (new_param - param), new"),
    Bug(name="the state is forgotten", after="new_param, (state if state else new)"),
    Bug(name="eps is doubled", before='hyper = {**hyper, "eps": _doubled(hyper["eps"])} if "eps" in hyper else hyper'),
)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Red decisions of one kind on this machine.

    low, high   the exact (Clopper-Pearson) interval of 95 % of the rate of red ones
    """

    kind: str
    decisions: int
    red: int
    inconclusive: int
    change: float | None
    low: float
    high: float

    @property
    def contradicts(self) -> bool:
        if self.kind == IDENTICAL:
            return self.red > 0
        if self.kind == BUG:
            return self.red < self.decisions
        return self.decisions > 0 and self.high < ASKED[self.kind]


def run(out: Path, *, decisions: int, only: Sequence[str] = ()) -> int:
    """Decides until `decisions` on identical code, and a fifth of them on each slowdown, are recorded here."""
    tell = report.teller(quiet=False)
    journal.make_folder(out)
    path = journal.journal_path(out, KIND)
    journal.set_aside_damage(path)
    with alone(), tempfile.TemporaryDirectory(prefix="twinstep-gate-") as folder:
        here = _copy(Path(folder, "base"))
        settings = config.parse({"formulas": True})
        if not any(row["kind"] == BUG for row in _mine(path, settings)):
            _bugs(here, Path(folder), settings, path, tell)
        number, loops = 0, _loops(Plan(base=here, head=here, settings=settings, parts=frozenset({"time"})))
        while kind := _next(_mine(path, settings), decisions):
            number += 1
            head = _copy(Path(folder, f"head{number}"))
            if kind in SLOWDOWNS:
                _slow(head, {key: round(SLOWDOWNS[kind] * n) for key, n in loops.items()})
            tell(f"{kind}:")
            _decide(here, head, kind, settings, path, tuple(only), tell)
            shutil.rmtree(head.root)
    rates = [rate(_mine(path, settings), kind) for kind in ASKED]
    _show(rates, settings)
    if not any(r.decisions for r in rates if r.kind != BUG):
        return 4
    return 1 if any(r.contradicts for r in rates) else 0


def _copy(into: Path) -> Checkout:
    for name in ("scratch_impls", "reference", "bench"):
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Checkout(root=into, commit=commit(ROOT))


def _mine(path: Path, settings: Settings) -> list[dict[str, Any]]:
    """The rows of this machine, these versions and this rule."""
    here = environment()
    same = {**{name: here[name] for name in MACHINE if name != "threads"}, "rule": repr(settings.rule)}
    found = []
    for line in journal.lines(path):
        row = journal.decode(line.decode())
        if all(row.get(name) == value for name, value in same.items()):
            found.append(row)
    return found


def _record(path: Path, settings: Settings, **fields: Any) -> None:
    here = environment()
    machine = {name: here[name] for name in MACHINE if name != "threads"}
    journal.append_line(path, {**fields, "commit": commit(ROOT), "rule": repr(settings.rule), **machine})


def _next(rows: Sequence[dict[str, Any]], decisions: int) -> str:
    """The kind of which most is missing, "" when all is there."""
    have = Counter(row["kind"] for row in rows)
    asked = {IDENTICAL: decisions, **dict.fromkeys(SLOWDOWNS, -(-decisions // SHARE))}
    missing = {kind: 1 - have[kind] / wanted for kind, wanted in asked.items()}
    kind, most = max(missing.items(), key=lambda item: item[1])
    return kind if most > 0 else ""


def _loops(plan: Plan) -> dict[str, float]:
    """Key of a cell -> the iterations that take as long as one of its steps, from one process of the right code."""
    rate = _loops_per_second()
    return {
        _key(cell): rate * statistics.median(said["seconds"]["base"])
        for cell, said, _ in _measured(plan, program.cells_of(plan), 0)
    }


def _slow(head: Checkout, loops: dict[str, int]) -> None:
    file = head.root / "bench" / "adapter.py"
    before, end, after = file.read_text(encoding="utf-8").partition(_END_OF_STEP)
    assert end and _END_OF_STEP not in after, "the adapter has one step, and the loop goes to its end"
    file.write_text(before + _LOOP + after + _LOOPS_OF.format(loops=loops), encoding="utf-8")


def _decide(
    base: Checkout, head: Checkout, kind: str, settings: Settings, path: Path, only: tuple[str, ...], tell: Any
) -> None:
    """One gate run; a row for each of its decisions."""
    plan = Plan(base=base, head=head, settings=settings, parts=frozenset({"time"}), only=only)
    outcome = program.run(plan, None, tell)  # times of code that is slowed on purpose have no place in a history
    for name, decision in outcome.cells.items():
        changes, nulls = outcome.numbers[name]
        _record(path, settings, kind=kind, cell=name, verdict=decision.verdict, change=decision.change,
                processes=decision.processes, null=decision.null, changes=changes, nulls=nulls)  # fmt: skip


def _bugs(base: Checkout, folder: Path, settings: Settings, path: Path, tell: Any) -> None:
    """Every mistake in every formula that it applies to must be found by agreement, before anything is timed."""
    for number, bug in enumerate(BUGS):
        head = _copy(folder / f"bug{number}")
        for name in scratch_impls.names():
            with (head.root / "scratch_impls" / f"{name}.py").open("a", encoding="utf-8") as file:
                file.write(_BUGGED.format(before=bug.before, after=bug.after))
        tell(f"bug: {bug.name}")
        plan = Plan(base=base, head=head, settings=settings, parts=frozenset({"agreement"}))
        outcome = program.run(plan, None)
        wrong = {fault.name.partition(":")[0] for fault in outcome.of_kind("agreement")}
        for spec in scratch_impls.all_specs():
            if bug.applies(spec):
                verdict = REGRESSION if spec.name in wrong else "PASS"
                _record(path, settings, kind=BUG, cell=f"{spec.name}: {bug.name}", verdict=verdict, change=None)


def rate(rows: Sequence[dict[str, Any]], kind: str) -> Rate:
    """How many decisions of a kind were red, with the exact interval."""
    from scipy.stats import binomtest

    mine = [row for row in rows if row["kind"] == kind]
    red = sum(row["verdict"] == REGRESSION for row in mine)
    low, high = binomtest(red, len(mine)).proportion_ci(method="exact") if mine else (0.0, 1.0)
    changes = [row["change"] for row in mine if row["change"] is not None]
    return Rate(
        kind=kind, decisions=len(mine), red=red, inconclusive=sum(row["verdict"] == INCONCLUSIVE for row in mine),
        change=statistics.median(changes) if changes else None, low=float(low), high=float(high),
    )  # fmt: skip


def _show(rates: Sequence[Rate], settings: Settings) -> None:
    screen = console()
    title = f"the gate on this machine, threshold {settings.rule.threshold:.0%}; all runs recorded here, none resampled"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("what was judged", "decisions", "red", "rate", "95 % interval", "inconclusive", "measured", "asked"):
        table.add_column(name, justify="left" if name == "what was judged" else "right", no_wrap=True)
    for r in rates:
        share = f"{r.red / r.decisions:.1%}" if r.decisions else ""
        measured = "" if r.change is None else f"{r.change:+.1%}"
        asked = "none red" if r.kind == IDENTICAL else f"at least {ASKED[r.kind]:.0%} red"
        table.add_row(r.kind, str(r.decisions), str(r.red), share, f"{r.low:.1%} to {r.high:.1%}", str(r.inconclusive),
                      measured, asked, style="bold red" if r.contradicts else None)  # fmt: skip
    screen.print(table)


# --- noise ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a machine does to one benchmark of identical code.

    spread      standard deviation of the processes' medians; worst: the one farthest from 0
    resolves    the slowdown that would be confirmed with 95 % probability, given that spread
    """

    cell: str
    processes: int
    spread: float
    worst: float
    resolves: float


@dataclass(frozen=True, kw_only=True)
class Noise:
    lines: list[Line]
    threshold: float

    @property
    def verdict(self) -> str:
        worst = max(line.resolves for line in self.lines)
        good = worst <= 0.05
        return f"threshold {self.threshold:.0%}: a slowdown of {worst:.1%} is found in every benchmark; " + (
            "this machine can be trusted with a gate"
            if good
            else "fewer neighbours would help, or a larger threshold in [tool.twinstep.gate]"
        )


def noise(cwd: Path, out: Path, *, processes: int, only: Sequence[str] = ()) -> Noise:
    """Times the working tree against itself; its own settings, or those of Twinstep where it has none."""
    own = config.read(cwd)
    settings = own or config.parse({"formulas": True})
    tree = Checkout(root=cwd if own else ROOT, commit=commit(cwd if own else ROOT))
    tell = report.teller(quiet=False)
    changes: dict[str, list[float]] = {}
    with alone():
        history = History(out)
        plan = Plan(base=tree, head=tree, settings=settings)
        cells = program.chosen(program.cells_of(plan), tuple(only))
        for number in range(processes):
            began = time.monotonic()
            for cell, said, place in _measured(plan, cells, number):
                changes.setdefault(cell.name, []).append(program.changes(program.fair(said))[0])
                history.append(tree.commit, tree.commit, cell, number, said, place)
            tell(f"process {number + 1} of {processes}, {time.monotonic() - began:.0f} s")
    if not changes:
        raise GateError("nothing could be timed: `twinstep gate` says what does not run")
    return Noise(
        lines=[_line(name, found, settings.rule) for name, found in changes.items()], threshold=settings.rule.threshold
    )


def _measured(plan: Plan, cells: Sequence[Cell], number: int) -> Iterator[tuple[Cell, dict[str, Any], dict[str, Any]]]:
    by_name, place = {cell.name: cell for cell in cells}, {}
    for said in workers.answers(
        {**plan.orders, "task": "time", "process": number, "cells": [asdict(c) for c in cells]}
    ):
        if said["kind"] == "environment":
            place = {k: v for k, v in said.items() if k != "kind"}
        elif said["kind"] == "times":
            yield by_name[said["cell"]], said, place


def _line(cell: str, changes: list[float], rule: Rule) -> Line:
    spread = statistics.stdev(changes)
    # The median of n numbers spreads 1.25 / sqrt(n) as wide as one; 1.645: one side, 95 %.
    resolves = rule.threshold + 1.645 * 1.25 * spread / rule.confirm**0.5
    return Line(cell=cell, processes=len(changes), spread=spread, worst=max(changes, key=abs), resolves=resolves)
