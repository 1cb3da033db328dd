"""Agreement, in the worker: which optimizers this process judges, and what of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...battery.judge import their_traceback
from .. import subjects
from ..config import Settings
from ..subjects import Subject, judged_in
from . import comparison
from .comparison import GAP, TRAINED
from .orders import Emit, load_trees

# What is suspect is judged once more in every format: one that fails in neither was no fault of the code.
FORMATS = ("float32", "float64")
EVERYTHING = "everything"  # in the place of names: a process died of this optimizer, and nobody knows of what in it

Made = Mapping[str, Mapping[str, Callable[[], Subject]]]  # arm -> name -> how to make it


def judge(orders: dict[str, Any], settings: Settings, emit: Emit) -> None:
    """Every optimizer that no other worker has taken; where there is `again` in the orders, what is suspect of them."""
    trees = dict(load_trees(orders, settings, ["base", "head"]))
    made: dict[str, dict[str, Callable[[], Subject]]] = {}
    for arm, tree in trees.items():
        try:
            made[arm] = subjects.optimizers(tree, settings, trees["base"])
        except Exception as error:
            emit("broken", arm=arm, optimizer="", error=their_traceback(error))
            return
    again = orders.get("again")
    names = subjects.longest_first(made["base"].keys() | made["head"].keys())
    for name in _taken([name for name in names if again is None or name in again], Path(orders["taken"])):
        emit("optimizer", optimizer=name, base=name in made["base"], head=name in made["head"])
        base, head = _make_both(name, made, emit)
        if again is not None:
            _judge_again(base, head, again[name], emit)
        else:
            _judge_first(base, head, orders, emit)
        emit("judged", optimizer=name)


def _taken(names: Sequence[str], folder: Path) -> Iterator[str]:
    """The names that nobody has taken before, each now taken: workers share the optimizers by the files they make."""
    for number, name in enumerate(names):
        try:
            # O_EXCL: of two workers that ask in the same moment the system gives it to one; no lock is needed.
            os.close(os.open(folder / str(number), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        yield name


def _make_both(name: str, made: Made, emit: Emit) -> tuple[Subject | None, Subject | None]:
    """Base and head; None where a tree does not have it or cannot make it, which is told."""
    found: dict[str, Subject] = {}
    raised: dict[str, BaseException] = {}
    for arm in ("base", "head"):
        try:
            if name in made[arm]:
                found[arm] = made[arm][name]()
        except Exception as error:
            raised[arm] = error
            # By its kind: a message may hold addresses, and names of a tree's own modules.
            base_too = comparison.same_kind(raised.get("base"), error)
            emit("broken", arm=arm, optimizer=name, error=their_traceback(error), base_too=base_too)
    return found.get("base"), found.get("head")


def _judge_first(base: Subject | None, head: Subject | None, orders: dict[str, Any], emit: Emit) -> None:
    cells = subjects.cells(base) if base is not None and head is not None else []
    if cells:
        emit("cells", optimizer=cells[0].optimizer, cells=[asdict(cell) for cell in cells])
    if head is None or not orders["agreement"]:
        return
    only = tuple(orders.get("only", ()))
    names = [head.name, *(cell.name for cell in cells)]
    if only and not any(name.startswith(only) for name in names):
        emit("left_out", optimizer=head.name)
        return
    dtype = judged_in(head)
    comparison.battery(base, head, dtype, emit)
    comparison.losses(base, head, TRAINED, "float64", emit)
    comparison.gap(base, head, dtype, emit)


def _judge_again(base: Subject | None, head: Subject | None, suspects: Sequence[str], emit: Emit) -> None:
    """The checks and problems of these names in every format; all, and the base before, where a process died of it."""
    everything = EVERYTHING in suspects
    if everything and base is not None:
        emit("arm", optimizer=base.name, arm="base")
        for dtype in FORMATS:
            comparison.report(base, dtype)
    if head is None:
        return
    emit("arm", optimizer=head.name, arm="head")
    checks = None if everything else [name for name in suspects if name not in (*TRAINED, GAP)]
    for dtype in FORMATS:
        if checks is None or checks:
            comparison.battery(base, head, dtype, emit, checks)
        comparison.losses(base, head, [name for name in TRAINED if everything or name in suspects], dtype, emit)
        if everything or GAP in suspects:
            comparison.gap(base, head, dtype, emit)
