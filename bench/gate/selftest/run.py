"""`twinstep gate --self-test`: decisions on identical code, on slowdowns and on bugs, until enough are recorded."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .... import scratch_impls
from ...records import journal
from ...records.rows import ROOT, commit
from .. import config
from ..config import Plan, Settings
from ..decide import REGRESSION
from ..outcome import Progress
from ..program.run import cells_of
from ..program.run import run as run_gate
from ..program.times import timed_once
from ..report import progress_printer
from ..start import alone
from ..trees import Checkout
from .bugs import BUGS, add_bug
from .rates import BUG, IDENTICAL, REQUIRED, rate, record, rows_of_this_machine, show
from .slowdowns import SLOWDOWNS, add_loops, loop_key, loops_per_second

KIND = "selftest"
# A slowdown takes three times the processes of identical code, and fewer decisions show its rate.
SHARE = 5


def run(out: Path, *, decisions: int, only: Sequence[str] = ()) -> int:
    """Decides until `decisions` on identical code, and a fifth of them on each slowdown, are recorded here.

    out     the folder of the file of decisions; made when it is not there

    Returns the exit code: 0, 1 where this machine contradicts what is required of the gate, 4 where nothing was timed.
    """
    progress = progress_printer(quiet=False)
    journal.make_folder(out)
    path = journal.journal_path(out, KIND)
    journal.set_aside_damage(path)
    settings = config.parse({"formulas": True})
    with alone(), tempfile.TemporaryDirectory(prefix="twinstep-gate-") as folder:
        base = _copy_of_this_tree(Path(folder, "base"))
        # Once on a machine: agreement is no matter of chance, as times are.
        if not any(row["kind"] == BUG for row in rows_of_this_machine(path, settings)):
            _judge_bugs(base, Path(folder), settings, path, progress)
        loops = _loops_per_step(Plan(base=base, head=base, settings=settings, parts=frozenset({"time"})))
        number = 0
        while kind := _kind_most_missing(rows_of_this_machine(path, settings), decisions):
            number += 1
            head = _copy_of_this_tree(Path(folder, f"head{number}"))
            if kind in SLOWDOWNS:
                add_loops(head, {key: round(SLOWDOWNS[kind] * n) for key, n in loops.items()})
            progress(f"{kind}:")
            _decide(base, head, kind, settings, path, tuple(only), progress)
            shutil.rmtree(head.root)
    rates = [rate(rows_of_this_machine(path, settings), kind) for kind in REQUIRED]
    show(rates, settings)
    if not any(r.decisions for r in rates if r.kind != BUG):
        return 4
    return 1 if any(r.contradicts for r in rates) else 0


def _copy_of_this_tree(into: Path) -> Checkout:
    for name in ("scratch_impls", "reference", "bench"):
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    return Checkout(root=into, commit=commit(ROOT))


def _kind_most_missing(rows: Sequence[dict[str, Any]], decisions: int) -> str:
    """The kind of which most is missing, "" when all is there."""
    have = Counter(row["kind"] for row in rows)
    wanted = {IDENTICAL: decisions, **dict.fromkeys(SLOWDOWNS, -(-decisions // SHARE))}
    missing = {kind: 1 - have[kind] / count for kind, count in wanted.items()}
    kind, most = max(missing.items(), key=lambda item: item[1])
    return kind if most > 0 else ""


def _loops_per_step(plan: Plan) -> dict[str, float]:
    """Key of a cell -> the iterations that take as long as one of its steps, from one process of the right code."""
    per_second = loops_per_second()
    return {
        loop_key(cell): per_second * statistics.median(measured["seconds"]["base"])
        for cell, measured, _ in timed_once(plan, cells_of(plan), 0)
    }


def _decide(
    base: Checkout, head: Checkout, kind: str, settings: Settings, path: Path, only: tuple[str, ...], progress: Progress
) -> None:
    """One gate run; a row for each of its decisions."""
    plan = Plan(base=base, head=head, settings=settings, parts=frozenset({"time"}), only=only, keep_going=True)
    outcome = run_gate(plan, None, progress)  # times of code that is slowed on purpose have no place in a history
    for name, decision in outcome.cells.items():
        changes, nulls = outcome.numbers[name]
        record(path, settings, kind=kind, cell=name, verdict=decision.verdict, change=decision.change,
               processes=decision.processes, null=decision.null, changes=changes, nulls=nulls)  # fmt: skip


def _judge_bugs(base: Checkout, folder: Path, settings: Settings, path: Path, progress: Progress) -> None:
    """Every mistake in every formula that it applies to must be found by agreement, before anything is timed."""
    for number, bug in enumerate(BUGS):
        head = _copy_of_this_tree(folder / f"bug{number}")
        add_bug(head, bug)
        progress(f"bug: {bug.name}")
        plan = Plan(base=base, head=head, settings=settings, parts=frozenset({"agreement"}))
        outcome = run_gate(plan, None)
        wrong = {fault.name.partition(":")[0] for fault in outcome.of_kind("agreement")}
        for spec in scratch_impls.all_specs():
            if bug.applies(spec):
                verdict = REGRESSION if spec.name in wrong else "PASS"
                record(path, settings, kind=BUG, cell=f"{spec.name}: {bug.name}", verdict=verdict, change=None)
