"""The subject and its reference replayed through one history of gradients, within the bound of the formula.

The bound of each element is computed, not chosen: the formula evaluated on pairs (value, first-order rounding error).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ....reference.known_defects import numbers_differ
from ....scratch_impls import Case
from ...compare.diagnose import likely_cause
from ...compare.gap import Gap, Replay, gaps
from ...compare.replay import Factory, replay, trajectory
from ...compare.scenario import Scenario, probe
from ..context import Context
from ..result import Failed, NotApplicable
from .reproduction import reproduction_of_gap

# Without a formula there is no computed bound. Measured in float64 over the histories here: all formulas and all paths
# of torch.optim stay within 4.4e-15 of the largest value of each other, the mildest wrong convention is 1.7e-11 away.
UNBOUNDED_TOLERANCE = 1e-12


def the_reference(context: Context) -> Factory:
    if context.against is None:
        raise NotApplicable("there is nothing to hold it against: name a class, a scratch optimizer or a formula file")
    return context.against.make


def _options_of_both(context: Context, case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the subject and the reference receive: the case, less what only the other side takes."""
    return dict(case.hyper), context.against.taken(case.hyper) if context.against else dict(case.hyper)


def compare(
    context: Context, case: Case, scenario: Scenario, dtype: str, *, lockstep: bool = False, make: Any = None,
    states: str | tuple[str, ...] = "shared",
) -> Replay:  # fmt: skip
    """The subject against the reference through one scenario, bounded by the formula."""
    ours, theirs = _options_of_both(context, case)
    spec = context.spec
    if spec is None:
        raise NotApplicable("the reference has no formula, so there is no computed bound")
    return replay(
        spec, theirs, make or context.subject.make, the_reference(context), scenario, dtype=dtype,
        device=context.device, our_hyper=ours, states=states, equal_params=lockstep,
    )  # fmt: skip


def judge_agreement(
    context: Context, case: Case, scenario: Scenario, dtype: str, *, lockstep: bool = False, make: Any = None
) -> None:
    """Raises Failed, with cause and reproduction, at the first step where the gap leaves the bound.

    Where the reference has no formula there is no bound: then by the measured tolerance, in float64.
    """
    try:
        _judge_agreement(context, case, scenario, dtype, lockstep=lockstep, make=make)
    except Failed as fault:
        if context.draws:  # what is the same all the same needs no excuse
            raise NotApplicable(f"{context.draws}: {fault.message}") from None
        raise


def _judge_agreement(
    context: Context, case: Case, scenario: Scenario, dtype: str, *, lockstep: bool, make: Any
) -> None:
    if context.spec is None:
        _judge_without_formula(context, case, scenario, make)
        return
    result = compare(context, case, scenario, dtype, lockstep=lockstep, make=make)
    gap = result.first_failure()
    if gap is None:
        _require_trusted_reference(context, case, result)
        return
    # What a stranger keeps, and how scaled, is its own business as long as the parameters go where they should (an
    # average may be kept corrected for its bias); whether states can be exchanged is the check of that name.
    if not context.subject.listed and not gap.tensor.endswith(".param"):
        gap = compare(
            context, case, scenario, dtype, lockstep=lockstep, make=make, states=context.spec.results
        ).first_failure()
        if gap is None:
            return
    _fail_at_gap(context, case, scenario, dtype, gap, lockstep=lockstep, make=make)


def _only_small(context: Context, case: Case, scenario: Scenario, dtype: str, make: Any) -> str:
    """ "only parameters of fewer than 16 elements differ", where that is so: found with sizes between those of the
    history that differ and those that agree.
    """

    def differing(history: Scenario) -> tuple[set[int], set[int]]:
        sizes = [np.size(start) for start in history.start]
        found = compare(context, case, history, dtype, lockstep=True, make=make, states=())
        ends = [*(first for _, first in found.slots[1:]), found.gap_bounds.shape[1]]
        worst: dict[str, float] = {}
        for (name, a), b in zip(found.slots, ends, strict=True):
            tensor, _, what = name.partition(".")
            worst[tensor] = max(worst.get(tensor, 0.0), float(found.gap_bounds[:, a:b].max()) if what == "param" else 0)
        apart = {size for size, label in zip(sizes, history.labels, strict=True) if worst.get(label, 0) > 1}
        return apart, set(sizes) - apart

    if context.whole or context.dims is not None or context.spec is None or not context.spec.elementwise:
        return ""  # where elements are coupled, a matrix is not what a vector of as many elements is
    apart, near = differing(scenario)
    if not apart or not near or max(apart) >= min(near):
        return ""
    low, high = max(apart), min(near)
    # Both ends as well, in a history that is the same for all: there the two may differ by their gradients (one begins
    # late, which a count that others share gets wrong).
    sizes = sorted({*range(low, high, max(1, (high - low) // 64)), high})
    more, fewer = differing(probe(0, steps=6, shapes=tuple((n,) for n in sizes)).at_one_rate())
    if not more or not fewer or max(more) > min(fewer):
        return ""  # it is not the size
    return f"only parameters of fewer than {min(fewer)} elements differ"


def _require_trusted_reference(context: Context, case: Case, result: Replay) -> None:
    """Two that agree prove nothing where the reference is not what its formula says: somebody may have patched it."""
    if context.spec is None or context.against is None:
        return
    # Known defects of torch are the exception: they would fail everybody who is right. They stand as data, with tests.
    if numbers_differ(context.spec.reference, result.dtype):
        return
    distance = gaps(result.theirs, result.value, result.value, result.error, result.no_number)
    if not (distance <= 1).all():
        step, element = divmod(int(distance.argmax()), distance.shape[1])
        raise Failed(
            f"step {step + 1}: {context.against.label} itself stands {distance[step, element]:.3g} bounds from "
            f"{context.spec.name}",
            case=case.name, dtype=result.dtype, cause="the reference is not what its formula says",
        )  # fmt: skip


def _fail_at_gap(
    context: Context, case: Case, scenario: Scenario, dtype: str, gap: Gap, *, lockstep: bool, make: Any
) -> None:
    subject = make or context.subject.make
    ours, theirs = _options_of_both(context, case)
    cause = likely_cause(context.spec, subject, theirs, ours, scenario, dtype, context.device) if context.spec else ""
    if not cause and context.spec is not None:
        with contextlib.suppress(Exception):  # another size may be refused
            cause = _only_small(context, case, scenario, dtype, make)
    origin = f"; the bound is the rounding error of {context.spec.name}'s formula" if context.spec else ""
    # A script follows one element from its start: it shows nothing where other elements have a part in the step, nor of
    # a later step in lockstep, whose parameters were set equal to the reference's on the way.
    scriptable = (context.spec is None or context.spec.elementwise) and (gap.step == 1 or not lockstep)
    path = {n: v for n, v in getattr(subject, "keywords", {}).items() if n in context.subject.execution}
    given = {**ours, **path}
    shown = reproduction_of_gap(context.subject, given, scenario, gap, dtype) if scriptable else ""
    message = f"{gap}{origin} (theirs is {context.against.label if context.against else ''}, history {scenario.name})"
    raise Failed(message, case=case.name, dtype=dtype, cause=cause, reproduction=shown)


def each_case_and_dtype(context: Context) -> Iterator[tuple[Case, str]]:
    if not context.cases:
        raise NotApplicable("no case of the reference has only options that this optimizer takes")
    for case in context.cases:
        for dtype in context.dtypes:
            yield case, dtype


def steps_of(context: Context) -> int:
    """24 keep every regime of a probe: each third of them has its lr, and every seventh step lacks a gradient."""
    return 24 if context.quick else 60


def _judge_without_formula(context: Context, case: Case, scenario: Scenario, make: Any = None) -> None:
    """Against a class without a formula: float64, each parameter within the measured tolerance of the largest value."""
    if "float64" not in context.dtypes and context.seen.why_shape(context.seen.fit((4, 3)), dtype="float64"):
        raise NotApplicable("the reference has no formula, so float64 would be compared, and it refuses that")
    sides = (make or context.subject.make, the_reference(context))
    ours, theirs = (trajectory(make, case.hyper, scenario, context.device) for make in sides)
    scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)  # a NaN of theirs is no measure of the others
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
