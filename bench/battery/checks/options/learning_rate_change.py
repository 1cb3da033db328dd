"""group["lr"] rules the very next step: 0 freezes, another value acts at once, the old one moves again.

Bugs: transformers#34506 (the constructor's lr is kept), fairseq#5561 (the lr of the first step is kept). A rate of 0
shows what is kept, whatever its size; a tenth before step 4 shows what acts a step late. Weight decay is off, since
decay that is not scaled by lr moves parameters at a rate of 0 by design. Where the groups hold a tensor, a number in
its place, another tensor and one that is filled in place must all act; where they hold None, the constructor is given
a number. A rate of 0 is held against the formula too, so that the reference's own motion excuses no other.
Controls: an optimizer with each of these. What the reference does too (torch's Rprop reads lr once) is no fault.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..differences import PARAM_ROUNDINGS, run_difference
from ..faults import REFUSALS, reported_at, unless_by_design
from ..histories import probe
from ..questions import Questions
from ..reference_agreement import judge_agreement
from ..runs import Snapshot, clones, gradient_history, run, snapshot
from ..state import groups_of
from ._rates import WAYS, Way, rate_hyper, ways_of

Hyper = dict[str, Any]
STEPS = 6
KEPT = "the learning rate of the constructor is used, not the group's"


@check("T5", place=3, since="0.2")
def learning_rate_change(context: Context) -> None:
    questions = Questions("its groups hold no lr", all=context.asks("0.3"))
    for case in cases_of(context)[: 1 if context.whole else None]:  # a search may find one place from two first lengths
        with questions.ask(), reported_at(case, context.dtypes[0]):
            hyper = _without_decay(context, case)
            for name in ways_of(context, hyper):
                for judge in (_judge_zero_rate, _judge_later_rate):
                    with questions.ask():
                        _judge_unless_by_design(context, case, WAYS[name], judge)
        if context.asks("0.3") and context.spec is not None and not context.whole and not context.seen.one_rate:
            with questions.ask(), reported_at(case, context.dtypes[0]):
                _judge_zero_rate_against_formula(context, case)
    questions.conclude()


def _without_decay(context: Context, case: Case) -> Hyper:
    return {**case.hyper, **({"weight_decay": 0} if "weight_decay" in context.subject.options else {})}


def _judge_unless_by_design(context: Context, case: Case, way: Way, judge: Any) -> None:
    def on(side: Context, case: Case) -> None:
        judge(side, rate_hyper(side, _without_decay(side, case)), way)

    try:
        unless_by_design(context, case, on)
    except Failed as fault:
        if context.against is not None:
            fault.message += f"; {context.against.label} does not"
        raise


def _judge_zero_rate(context: Context, hyper: Hyper, way: Way) -> None:
    start, history = _start(context)
    frozen = _run_with_rates(context, hyper, start, history, {0: 0.0, 1: 1.0}, way)
    for i, (was, now, last) in enumerate(zip(snapshot(start), frozen[0], frozen[-1], strict=True)):
        if (moved := _motion(was, now, _smallest_motion(context, was))) is not None:
            at_its_own = _run_with_rates(context, hyper, start, history[:1], {}, way)[0]
            ignored = not run_difference(frozen[:1], [at_its_own], snapshot(start))
            raise Failed(
                f'group["lr"] {way.said} 0 before step 1, weight decay 0, and parameter {i} moved by {moved:.3g}',
                cause=way.ignored or KEPT if ignored else "at lr=0 it moves: something else than lr scales its step",
            )
        # The control: it did stand still because of the 0, not because it never moves. By the last step, since a first
        # step may move nothing by design (ADOPT's).
        if torch.equal(now, last):
            raise Failed(f'group["lr"] back at its old value before step 2, and parameter {i} did not move')


def _judge_later_rate(context: Context, hyper: Hyper, way: Way) -> None:
    """Before the fourth step, so that there is a state; a tenth, which is seen inside a buffer as well as outside."""
    start, history = _start(context)
    steady = _run_with_rates(context, hyper, start, history, {}, way)
    changed = _run_with_rates(context, hyper, start, history, {3: 0.1}, way)
    if all(torch.equal(a, b) for a, b in zip(steady[2], steady[3], strict=True)):
        raise NotApplicable("step 4 moves nothing, so that no change of a rate could be seen there")
    for i, (a, b) in enumerate(zip(steady[3], changed[3], strict=True)):
        if torch.equal(a, b):
            raise Failed(
                f'group["lr"] {way.tenth} before step 4, and step 4 took parameter {i} exactly where it goes '
                "without the change",
                cause=way.ignored if way.ignored else "a changed learning rate acts late or never",
            )


def _judge_zero_rate_against_formula(context: Context, case: Case) -> None:
    """Steps at a rate of 0, within the formula's bound: weight decay as it is, and state as well."""
    still = dataclasses.replace(
        probe(context, context.seed, steps=STEPS), name="steps at lr=0", lr_factors=(0.0,) * STEPS
    )
    judge_agreement(context, case, still, context.dtypes[0])


def _motion(was: torch.Tensor, now: torch.Tensor, smallest: float) -> float | None:
    """How far it moved; None where that is not more than the smallest that counts."""
    moved = float((was - now).abs().max())
    # `not <=`, so that NaN has moved.
    return moved if not moved <= smallest else None


def _smallest_motion(context: Context, was: torch.Tensor) -> float:
    """A few roundings, as of a rule that goes from x to 0.9 x + 0.1 x. In 0.2 any motion of the reference excused."""
    is_reference = context.against is not None and context.subject is context.against.as_subject
    if is_reference and not context.asks("0.3"):
        return 0.0
    return PARAM_ROUNDINGS * torch.finfo(was.dtype).eps * float(was.abs().max())


def _start(context: Context) -> tuple[list[torch.nn.Parameter], list[list[torch.Tensor | None]]]:
    start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    return start, gradient_history(context.seed, STEPS, start)


def _run_with_rates(
    context: Context, hyper: Hyper, start: Any, history: Any, factors: dict[int, float], way: Way
) -> list[Snapshot]:
    """A run whose learning rate becomes factor times the first before the steps named (from 0)."""
    params = clones(start)
    optimizer = context.build(params, **hyper)
    groups = groups_of(optimizer)
    rates = [float(group["lr"]) for group in groups]

    def before(step: int) -> None:
        for group, rate in zip(groups, rates, strict=True):
            if step in factors:
                way.set(group, rate * factors[step])

    try:
        return run(optimizer, params, history, before)
    except REFUSALS as error:
        if not way.ignored:  # a number where a number was: no refusal of that
            raise
        raise NotApplicable(f'it refuses group["lr"] {way.said} another value: {error}') from None
