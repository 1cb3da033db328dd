"""Times, in the worker: base, head, a second copy of the base and the reference, interleaved in one process."""

from __future__ import annotations

import contextlib
import gc
import random
import traceback
from collections.abc import Callable
from typing import Any

from ...battery.judge import their_traceback
from ...records.rows import environment
from ...speed.timing import interleave
from .. import subjects
from ..config import Settings
from ..subjects import Cell
from ..trees import Tree
from .idle import does_nothing
from .orders import Emit, load_trees

ROUNDS = 40  # with blocks of 4 ms: what the threshold's false alarms (`decide.Rule`) were measured with
# Only steps of many milliseconds reach it (L-BFGS on the mlp: 36 ms): fewer rounds of longer blocks see as much.
BUDGET_S = 2.0


def time_cells(orders: dict[str, Any], settings: Settings, emit: Emit) -> None:
    """Times every cell that is named: base, head and null, and the reference where there is one, in the same rounds."""
    number = int(orders["process"])
    arms = ["base", "head", "null"]
    order = arms if number % 2 == 0 else arms[::-1]  # what is loaded first may lie better in memory
    trees = dict(load_trees(orders, settings, order))
    emit("environment", **environment())
    _settle()
    made = {arm: subjects.optimizers(tree, settings, trees["base"]) for arm, tree in trees.items()}
    for body in orders["cells"]:
        cell = Cell.from_json(body)
        steps, fault = _step_functions(cell, trees, made, order, number, reference=orders["reference"])
        if fault:
            emit("broken" if "error" in fault else "idle", cell=cell.name, **fault)
            continue
        try:
            times = interleave(_shuffled(steps, number), rounds=int(orders.get("rounds", ROUNDS)), budget_s=BUDGET_S)
        except Exception as error:
            emit("broken", cell=cell.name, arm=_arm_at_fault(error), error=their_traceback(error))
            continue
        kinds = {"seconds": times.seconds, "cpu": times.cpu}
        lists = {kind: {n: list(values) for n, values in found.items()} for kind, found in kinds.items()}
        emit("times", cell=cell.name, inner=times.inner, **lists)


def _settle() -> None:
    """Takes what was imported out of the garbage collector's sight: it would look through it anew for every cell."""
    import torch._dynamo  # noqa: F401  the first optimizer that is made imports it

    gc.collect()
    gc.freeze()  # measured: 0.15 s a cell of 0.8


def _step_functions(
    cell: Cell,
    trees: dict[str, Tree],
    made: dict[str, dict[str, Any]],
    order: list[str],
    number: int,
    *,
    reference: bool,
) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """Arm -> the function that is timed; or which arm could not be built ("error") or does nothing ("why")."""
    steps: dict[str, Callable[[], Any]] = {}
    for arm in order:
        try:
            if cell.benchmark:
                step = subjects.own_benchmark(trees[arm], cell)
            else:
                subject = made[arm][cell.optimizer]()
                step = subjects.stepper(subject.make, cell, number)
            step()
            if why := does_nothing(step):
                return {}, {"arm": arm.replace("null", "base"), "why": why}
        except Exception as error:
            return {}, {"arm": arm.replace("null", "base"), "error": their_traceback(error)}
        steps[arm] = step
    # Of the base's tree: the head must not choose what it is measured by.
    if reference and cell.optimizer and (against := made["base"][cell.optimizer]().against) is not None:
        with contextlib.suppress(Exception):  # the reference is reported, never gated
            steps["reference"] = subjects.stepper(against.make, cell, number)
    return steps, {}


def _shuffled(steps: dict[str, Callable[[], Any]], number: int) -> dict[str, Callable[[], Any]]:
    """Another order in every process: whoever follows the slowest must not be the same arm each time."""
    names = list(steps)
    # Drawn from the process's number: the order can be had again.
    random.Random(number).shuffle(names)
    return {name: steps[name] for name in names}


def _arm_at_fault(error: BaseException) -> str:
    """The arm whose module stands in the traceback."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        # The innermost frame of any tree: torch's own frames below it are nobody's fault.
        top = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if top in ("_base", "_head", "_null"):
            return top.removeprefix("_").replace("null", "base")
    return "head"
