"""Agreement with the formula and the reference: one step, many steps, every case, every path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....reference.known_defects import numbers_differ
from ....scratch_impls import Case
from ...compare.diagnose import likely_cause
from ...compare.gap import Gap, Replay, gaps
from ...compare.replay import Factory, replay, trajectory
from ...compare.scenario import Scenario
from ..context import Context
from ..result import Failed, NotApplicable
from .script import reproduction

# Without a formula there is no computed bound. Measured in float64 over the histories here: all formulas and all paths
# of torch.optim stay within 4.4e-15 of the largest value of each other, the mildest wrong convention is 1.7e-11 away.
UNBOUNDED_TOLERANCE = 1e-12


def the_reference(c: Context) -> Factory:
    if c.against is None:
        raise NotApplicable("there is nothing to hold it against: name a class, a scratch optimizer or a formula file")
    return c.against.make


def _hyper(c: Context, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the subject and the reference receive: the case, less what only the other side takes."""
    given = dict(case.hyper)
    if c.spec is None:
        return given, given
    return given, {name: value for name, value in given.items() if name in c.spec.defaults}


def compare(
    c: Context, case: Case, scenario: Scenario, dtype: str, *, lockstep: bool = False, make: Any = None,
    states: str | tuple[str, ...] = "shared",
) -> Replay:  # fmt: skip
    """The subject against the reference through one scenario, bounded by the formula."""
    ours, theirs = _hyper(c, case)
    spec = c.spec
    if spec is None:
        raise NotApplicable("the reference has no formula, so there is no computed bound")
    return replay(
        spec, theirs, make or c.subject.make, the_reference(c), scenario, dtype=dtype, device=c.device,
        our_hyper=ours, states=states, equal_params=lockstep,
    )  # fmt: skip


def judge(c: Context, case: Case, scenario: Scenario, dtype: str, *, lockstep: bool = False, make: Any = None) -> None:
    """Raises Failed, with cause and reproduction, at the first step where the gap leaves the bound.

    Where the reference has no formula there is no bound: then by the measured tolerance, in float64.
    """
    if c.spec is None:
        _unbounded(c, case, scenario, make)
        return
    result = compare(c, case, scenario, dtype, lockstep=lockstep, make=make)
    gap = result.first_failure()
    if gap is None:
        _trusted(c, case, result)
        return
    # What a stranger keeps, and how scaled, is its own business as long as the parameters go where they should (an
    # average may be kept corrected for its bias); whether states can be exchanged is the check of that name.
    if not c.subject.listed and not gap.tensor.endswith(".param"):
        gap = compare(c, case, scenario, dtype, lockstep=lockstep, make=make, states=c.spec.results).first_failure()
        if gap is None:
            return
    _fail(c, case, scenario, dtype, gap, lockstep=lockstep, make=make)


def _trusted(c: Context, case: Case, result: Replay) -> None:
    """Two that agree prove nothing where the reference is not what its formula says: somebody may have patched it."""
    if c.spec is None or c.against is None:
        return
    if numbers_differ(c.spec.reference, result.dtype):
        return
    away = gaps(result.theirs, result.value, result.value, result.error)
    if not (away <= 1).all():
        step, element = divmod(int(away.argmax()), away.shape[1])
        told = f"step {step + 1}: {c.against.label} itself stands {away[step, element]:.3g} bounds from {c.spec.name}"
        raise Failed(told, case=case.name, dtype=result.dtype, cause="the reference is not what its formula says")


def _fail(c: Context, case: Case, scenario: Scenario, dtype: str, gap: Gap, *, lockstep: bool, make: Any) -> None:
    subject = make or c.subject.make
    ours, theirs = _hyper(c, case)
    cause = likely_cause(c.spec, subject, theirs, ours, scenario, dtype, c.device) if c.spec else ""
    origin = f"; the bound is the rounding error of {c.spec.name}'s formula" if c.spec else ""
    alone = c.spec is None or c.spec.elementwise  # one element shows nothing where others have a part in it
    path = {n: v for n, v in getattr(subject, "keywords", {}).items() if n in c.subject.execution}
    given = {**ours, **path}
    shown = reproduction(c.subject, given, scenario, gap, dtype) if alone and (gap.step == 1 or not lockstep) else ""
    told = f"{gap}{origin} (theirs is {c.against.label if c.against else ''}, history {scenario.name})"
    raise Failed(told, case=case.name, dtype=dtype, cause=cause, reproduction=shown)


def each_case_and_dtype(c: Context) -> Iterator[tuple[Case, str]]:
    if not c.cases:
        raise NotApplicable("no case of the reference has only options that this optimizer takes")
    for case in c.cases:
        for dtype in c.dtypes:
            yield case, dtype


def steps_of(c: Context) -> int:
    return 24 if c.quick else 60


def _unbounded(c: Context, case: Case, scenario: Scenario, make: Any = None) -> None:
    """Against a class without a formula: float64, each parameter within the measured tolerance of the largest value."""
    sides = (make or c.subject.make, the_reference(c))
    ours, theirs = (trajectory(make, case.hyper, scenario, c.device) for make in sides)
    scale = np.abs(theirs).max()
    error = np.full_like(theirs, UNBOUNDED_TOLERANCE * scale / 2)
    found = gaps(ours, theirs, theirs, error)
    if (found > 1).any():
        step = int(np.flatnonzero((found > 1).any(axis=1))[0])
        k = int(found[step].argmax())
        raise Failed(
            f"step {step + 1}: element {k} is {ours[step, k]!r}, theirs {theirs[step, k]!r}; the tolerance is "
            f"{UNBOUNDED_TOLERANCE} of the largest value, since the reference has no formula",
            case=case.name, dtype="float64",
        )  # fmt: skip
