"""What is compared of one optimizer in two trees: the quick battery, final losses, the gap from its twin.

Whatever fails in the head is judged on the base at once, in the same process, format and seed: on somebody's processor
a right formula may fail too, and what the base shows as well is none of the head's doing.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ...battery.judge import check_optimizer, their_traceback
from ...battery.result import FAILED, CheckReport, CheckResult
from ...compare.bounded import PRECISIONS
from ...compare.replay import replay
from ...compare.scenario import probe
from ...study import problems
from ...study.baseline import TOLERANCE
from ...study.train import train, trainable
from ..subjects import Subject
from .orders import Emit

# Where both trees train: two functions of the book and a real problem; together a second for an optimizer.
TRAINED = ("bowl", "quadratic", "digits-softmax")
GAP = "gap"  # what is judged of a gap, among the names of checks and problems


def report(subject: Subject, dtype: str, checks: Collection[str] | None = None, on_result: Any = None) -> CheckReport:
    """The quick battery in one format."""
    expected = subject.expected_in(dtype)
    if checks is not None:
        expected = {name: reason for name, reason in expected.items() if name in checks}
    return check_optimizer(
        subject.judged, subject.against, quick=True, dtypes=(dtype,), checks=checks, expected_failures=expected,
        supports=subject.supports, declare=subject.declare, label=subject.name, on_result=on_result,
    )  # fmt: skip


def battery(base: Subject | None, head: Subject, dtype: str, emit: Emit, checks: Collection[str] | None = None) -> None:
    """A message for each check of the head: what is well as it comes, and what fails once the base was asked too."""
    bad: list[CheckResult] = []

    def tell(result: CheckResult, likely: str = "", **more: Any) -> None:
        text = str(dataclasses.replace(result, cause=likely or result.cause))
        emit("check", optimizer=head.name, check=result.check, status=result.status, text=text, **more)

    try:
        found = report(head, dtype, checks, on_result=lambda result: bad.append(result) if result.bad else tell(result))
    except Exception as error:  # such as cases that it refuses; what a check raises is that check's verdict
        base_too = base is not None and _raises(error, lambda: report(base, dtype, checks))
        emit("broken", arm="head", optimizer=head.name, error=their_traceback(error), base_too=base_too)
        return
    names = [result.check for result in bad]
    of_base = {r.check: r for r in report(base, dtype, names).results} if bad and base is not None else {}
    for result in bad:
        # What the report begins with: a mistake that explains several failures, this one among them.
        likely = next((cause for cause, explained in found.headlines if result.check in explained), "")
        tell(result, likely, base_too=result.check in of_base and no_worse(result, of_base[result.check]))


def no_worse(head: CheckResult, base: CheckResult) -> bool:
    """Whether the base fails the same check in the same way, and not by less: then the head changed nothing."""
    if (head.status, head.cause, head.case, head.dtype) != (base.status, base.cause, base.case, base.dtype):
        return False
    # The gap stands in the text alone: the published schema of a report has no field for it.
    ours, theirs = (re.search(r"gap (\S+) bounds", result.message) for result in (head, base))
    if ours is None or theirs is None:
        return ours is theirs
    return head.status != FAILED or float(ours[1]) <= float(theirs[1])


def losses(base: Subject | None, head: Subject, names: Sequence[str], dtype: str, emit: Emit) -> None:
    """The final losses of both on these problems; where the head's moved, whether the base's own can be had again."""
    for problem in (p for p in problems.all_problems() if p.name in names):
        found = _of_both(base, head, problem.name, functools.partial(_final_loss, problem, dtype=dtype), emit)
        if "head" in found:
            moved = _moved(found.get("base"), found["head"], dtype)
            again = _final_loss(problem, base, dtype) if moved and base is not None and "base" in found else None
            base_too = again is not None and _moved(found["base"], again, dtype)
            emit("loss", optimizer=head.name, problem=problem.name, moved=moved, base_too=base_too, **found)


def _final_loss(problem: problems.Problem, subject: Subject, dtype: str) -> float:
    # With the values that suit the problem: a loss that hardly moves shows nothing.
    hyper = subject.spec.case_for(problem.name).hyper if subject.spec else next(iter(subject.timed.values()))
    sides = {"it": trainable(subject.spec, subject.make)}
    return train(problem, sides, hyper=hyper, seed=0, dtype=dtype)["it"].final_loss


def _moved(base: float | None, head: float, dtype: str) -> bool:
    """Whether a loss is another, beyond what rounding explains, or none; None for a base that has none to compare."""
    if base is None or not math.isfinite(head):
        return not math.isfinite(head)
    # The tolerance was measured in float64; in another format it is as many roundings.
    tolerance = TOLERANCE * PRECISIONS[dtype].roundoff / PRECISIONS["float64"].roundoff
    # `not <=`, so that a base that is no number has moved to one.
    return not abs(head - base) <= tolerance * abs(base)


def gap(base: Subject | None, head: Subject, dtype: str, emit: Emit) -> None:
    """The largest gap of each from its twin, in bounds, with the case that is timed first."""
    if head.spec is None or head.against is None:
        return
    case = next(iter(head.timed))
    spec, theirs, hyper = head.spec, head.against.make, head.timed[case]

    def measure(subject: Subject) -> float:
        return replay(spec, hyper, subject.make, theirs, probe(0), dtype=dtype).worst().gap_bounds

    gaps = _of_both(base, head, GAP, measure, emit)
    if "head" not in gaps:
        return
    wrong = not gaps["head"] <= 1  # so that NaN is wrong
    # Of two that are no numbers neither is the smaller.
    base_too = wrong and "base" in gaps and not gaps["base"] <= 1 and not gaps["head"] > gaps["base"]
    emit("gap", optimizer=head.name, case=case, wrong=wrong, base_too=base_too, **gaps)


def _of_both(
    base: Subject | None, head: Subject, part: str, measure: Callable[[Subject], float], emit: Emit
) -> dict[str, float]:
    """Arm -> what was measured of it; what raises instead is told, and whether the base raises the same."""
    found: dict[str, float] = {}
    raised: dict[str, BaseException] = {}
    for arm, subject in (("base", base), ("head", head)):
        try:
            if subject is not None:
                found[arm] = measure(subject)
        except Exception as error:
            raised[arm] = error
            base_too = same_kind(raised.get("base"), error)
            told = {"arm": arm, "optimizer": head.name, "part": part, "error": their_traceback(error)}
            emit("broken", **told, base_too=base_too)
    return found


def same_kind(one: BaseException | None, other: BaseException) -> bool:
    """Whether these are errors of one class, which may be the library's own: then each tree has one of that name."""
    return _kind(one) == _kind(other)


def _kind(error: BaseException | None) -> tuple[str, str]:
    module = type(error).__module__
    return re.sub(r"^_(base|head|null)\.", "", module), type(error).__qualname__


def _raises(like: BaseException, call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception as error:
        return same_kind(error, like)
    return False
