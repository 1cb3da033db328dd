"""Agreement, in the worker: every optimizer of the head by the quick battery, and its losses beside the base's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ...battery.judge import check_optimizer, their_traceback
from ...compare.replay import replay
from ...compare.scenario import probe
from ...study import problems
from ...study.baseline import TOLERANCE
from ...study.train import train, trainable
from .. import subjects
from ..config import Settings
from ..subjects import Subject
from .orders import Emit, load_trees

# Where both trees train: two functions of the book and a real problem; together a second for an optimizer.
TRAINED = ("bowl", "quadratic", "digits-softmax")


def judge(orders: dict[str, Any], settings: Settings, emit: Emit) -> None:
    """Every optimizer of the head by the quick battery, and its losses beside the base's."""
    trees = dict(load_trees(orders, settings, ["base", "head"]))
    found: dict[str, dict[str, Callable[[], Subject]]] = {}
    for arm, tree in trees.items():
        try:
            found[arm] = subjects.optimizers(tree, settings, trees["base"])
        except Exception as error:
            emit("broken", arm=arm, optimizer="", error=their_traceback(error))
            return
    for name in sorted(found["base"].keys() | found["head"].keys()):
        emit("optimizer", optimizer=name, base=name in found["base"], head=name in found["head"])
        base = _make_or_report("base", name, found["base"][name], emit) if name in found["base"] else None
        head = _make_or_report("head", name, found["head"][name], emit) if name in found["head"] else None
        if base is not None and head is not None:
            emit("cells", optimizer=name, cells=[asdict(cell) for cell in subjects.cells(base)])
        if head is not None and orders["agreement"]:
            _battery(head, emit)
            _losses_and_gap(base, head, emit)
            emit("judged", optimizer=name)


def _make_or_report(arm: str, name: str, make: Callable[[], Subject], emit: Emit) -> Subject | None:
    try:
        return make()
    except Exception as error:
        emit("broken", arm=arm, optimizer=name, error=their_traceback(error))
        return None


def _battery(head: Subject, emit: Emit) -> None:
    report = check_optimizer(
        head.make, head.against, quick=True, dtypes=subjects.JUDGED_IN, expected_failures=head.expected,
        supports=head.supports, label=head.name,
    )  # fmt: skip
    for result in report.results:
        emit("check", optimizer=head.name, check=result.check, status=result.status, text=str(result))


def _losses_and_gap(base: Subject | None, head: Subject, emit: Emit) -> None:
    """Final losses of both, and the largest gap of each from its twin, in bounds."""
    for problem in (p for p in problems.all_problems() if p.name in TRAINED):
        # With the values that suit the problem: a loss that hardly moves shows nothing.
        hyper = head.spec.case_for(problem.name).hyper if head.spec else next(iter(head.timed.values()))
        losses = {}
        for arm, subject in (("base", base), ("head", head)):
            if subject is None:
                continue
            try:
                sides = {arm: trainable(head.spec, subject.make)}
                losses[arm] = train(problem, sides, hyper=hyper, seed=0, dtype="float64")[arm].final_loss
            except Exception as error:
                emit("broken", arm=arm, optimizer=head.name, error=their_traceback(error))
        if "head" in losses:
            emit("loss", optimizer=head.name, problem=problem.name, moved=_moved(losses), **losses)
    if head.spec is None or head.against is None:
        return
    case = next(iter(head.timed))
    gaps = {
        arm: replay(head.spec, head.timed[case], s.make, head.against.make, probe(0), dtype="float32").worst()
        for arm, s in (("base", base), ("head", head))
        if s is not None
    }
    emit("gap", optimizer=head.name, case=case, **{arm: gap.gap_bounds for arm, gap in gaps.items()})


def _moved(losses: dict[str, float]) -> bool:
    if not math.isfinite(losses["head"]):
        return True  # whatever the base has: of such a loss no change can be seen
    if len(losses) < 2 or losses["base"] == losses["head"]:
        return False
    change = abs(losses["head"] - losses["base"]) / abs(losses["base"] or math.nan)
    # `not <=`, so that NaN, a loss that became one, has moved.
    return not change <= TOLERANCE
