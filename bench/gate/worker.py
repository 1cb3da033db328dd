"""The processes of the gate: one judges agreement, and each fresh one times all cells that are still open.

A worker gets its orders as one JSON file and writes what it finds as JSON lines, each in one write, so that a worker
which dies leaves every finished line behind. It belongs to the gate's own program: what it loads are trees.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..battery.judge import check_optimizer, their_traceback
from ..compare.replay import replay
from ..compare.scenario import probe
from ..records.rows import environment
from ..speed.timing import interleave
from ..study import problems
from ..study.baseline import TOLERANCE
from ..study.train import train, trainable
from . import config, subjects
from .config import Settings
from .subjects import Cell, Subject
from .trees import Tree

ROUNDS = 40
Say = Callable[..., None]

# Where both trees train: two functions of the book and a real problem; together a second for an optimizer.
TRAINED = ("bowl", "quadratic", "digits-softmax")


def main(orders: str) -> None:
    """The process's life. Its own output goes to the file that the orders name; what subjects print goes to stderr."""
    given = json.loads(Path(orders).read_text(encoding="utf-8"))
    out = os.open(given["answer"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def say(kind: str, **body: Any) -> None:
        os.write(out, (json.dumps({"kind": kind, **body}) + "\n").encode())

    sys.path[:] = given["path"]
    settings = config.parse(given["settings"])
    with contextlib.redirect_stdout(sys.stderr):
        {"judge": _judge, "time": _time}[given["task"]](given, settings, say)
    say("end")


def _trees(given: dict[str, Any], settings: Settings, arms: list[str]) -> Iterator[tuple[str, Tree]]:
    """Each arm's tree, loaded in this order; "null" is a second copy of the base."""
    base = Path(given["base"])
    tops = {target.partition(":")[0].partition(".")[0] for target in settings.benchmarks} - set(settings.packages)
    for arm in arms:
        root = Path(given["head"]) if arm == "head" else base
        borrowed = {top: base for top in tops}
        yield arm, Tree(f"_{arm}", root / settings.source, settings.packages, borrowed)


# --- agreement -----------------------------------------------------------------------------------------------------


def _judge(given: dict[str, Any], settings: Settings, say: Say) -> None:
    """Every optimizer of the head by the quick battery, and its losses beside the base's."""
    trees = dict(_trees(given, settings, ["base", "head"]))
    found: dict[str, dict[str, Callable[[], Subject]]] = {}
    for arm, tree in trees.items():
        try:
            found[arm] = subjects.optimizers(tree, settings, trees["base"])
        except Exception as error:
            say("broken", arm=arm, optimizer="", error=their_traceback(error))
            return
    for name in sorted(found["base"].keys() | found["head"].keys()):
        say("optimizer", optimizer=name, base=name in found["base"], head=name in found["head"])
        base = _made("base", name, found["base"][name], say) if name in found["base"] else None
        head = _made("head", name, found["head"][name], say) if name in found["head"] else None
        if base is not None and head is not None:
            say("cells", optimizer=name, cells=[asdict(cell) for cell in subjects.cells(base)])
        if head is not None and given["agreement"]:
            _battery(head, say)
            _figures(base, head, say)
            say("judged", optimizer=name)


def _made(arm: str, name: str, make: Callable[[], Subject], say: Say) -> Subject | None:
    try:
        return make()
    except Exception as error:
        say("broken", arm=arm, optimizer=name, error=their_traceback(error))
        return None


def _battery(head: Subject, say: Say) -> None:
    report = check_optimizer(
        head.make, head.against, quick=True, dtypes=subjects.JUDGED_IN, expected_failures=head.expected,
        supports=head.supports, label=head.name,
    )  # fmt: skip
    for result in report.results:
        say("check", optimizer=head.name, check=result.check, status=result.status, text=str(result))


def _figures(base: Subject | None, head: Subject, say: Say) -> None:
    """Final losses of both, and the largest gap of each from its twin, in bounds."""
    for problem in (p for p in problems.all_problems() if p.name in TRAINED):
        hyper = head.spec.case_for(problem.name).hyper if head.spec else next(iter(head.timed.values()))
        losses = {}
        for arm, subject in (("base", base), ("head", head)):
            if subject is None:
                continue
            try:
                made = {arm: trainable(head.spec, subject.make)}
                losses[arm] = train(problem, made, hyper=hyper, seed=0, dtype="float64")[arm].final_loss
            except Exception as error:
                say("broken", arm=arm, optimizer=head.name, error=their_traceback(error))
        if "head" in losses:
            say("loss", optimizer=head.name, problem=problem.name, moved=_moved(losses), **losses)
    if head.spec is None or head.against is None:
        return
    case = next(iter(head.timed))
    gaps = {
        arm: replay(head.spec, head.timed[case], s.make, head.against.make, probe(0), dtype="float32").worst()
        for arm, s in (("base", base), ("head", head))
        if s is not None
    }
    say("gap", optimizer=head.name, case=case, **{arm: gap.gap_bounds for arm, gap in gaps.items()})


def _moved(losses: dict[str, float]) -> bool:
    if len(losses) < 2 or losses["base"] == losses["head"] or all(map(math.isnan, losses.values())):
        return False
    change = abs(losses["head"] - losses["base"]) / abs(losses["base"] or math.nan)
    return not change <= TOLERANCE


# --- time ----------------------------------------------------------------------------------------------------------


def _time(given: dict[str, Any], settings: Settings, say: Say) -> None:
    """Times every cell that is named: base, head and null, and the reference where there is one, in the same rounds."""
    number = int(given["process"])
    arms = ["base", "head", "null"]
    order = arms if number % 2 == 0 else arms[::-1]  # what is loaded first may lie better in memory
    trees = dict(_trees(given, settings, order))
    say("environment", **environment())
    made = {arm: subjects.optimizers(tree, settings, trees["base"]) for arm, tree in trees.items()}
    for body in given["cells"]:
        cell = Cell(**{**body, "shapes": tuple(map(tuple, body["shapes"]))})
        steps, fault = _arms(cell, trees, made, order, number, reference=given["reference"])
        if fault:
            say("broken", cell=cell.name, **fault)
            continue
        try:
            times = interleave(_shuffled(steps, number), rounds=int(given.get("rounds", ROUNDS)))
        except Exception as error:
            say("broken", cell=cell.name, arm=_guilty(error), error=their_traceback(error))
            continue
        kinds = {"seconds": times.seconds, "cpu": times.cpu}
        lists = {kind: {n: list(values) for n, values in found.items()} for kind, found in kinds.items()}
        say("times", cell=cell.name, inner=times.inner, **lists)


def _arms(
    cell: Cell,
    trees: dict[str, Tree],
    made: dict[str, dict[str, Any]],
    order: list[str],
    number: int,
    *,
    reference: bool,
) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """Arm -> the function that is timed; or which arm could not be built, and why."""
    steps: dict[str, Callable[[], Any]] = {}
    for arm in order:
        try:
            if cell.benchmark:
                step = subjects.own_benchmark(trees[arm], cell)
            else:
                subject = made[arm][cell.optimizer]()
                step = subjects.stepper(subject.make, cell, number)
            step()
        except Exception as error:
            return {}, {"arm": arm, "error": their_traceback(error)}
        steps[arm] = step
    if reference and cell.optimizer and (against := made["base"][cell.optimizer]().against) is not None:
        with contextlib.suppress(Exception):  # the reference is told, never gated
            steps["reference"] = subjects.stepper(against.make, cell, number)
    return steps, {}


def _shuffled(steps: dict[str, Callable[[], Any]], number: int) -> dict[str, Callable[[], Any]]:
    """Another order in every process: whoever follows the slowest must not be the same arm each time."""
    names = list(steps)
    random.Random(number).shuffle(names)
    return {name: steps[name] for name in names}


def _guilty(error: BaseException) -> str:
    """The arm whose module stands in the traceback."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        top = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if top in ("_base", "_head", "_null"):
            return top.removeprefix("_").replace("null", "base")
    return "head"
