"""Comparison with separate optimizers: a parameter steps beside others as it does in an optimizer of its own.

So no reference is needed: the subject itself, with one parameter, says what is right. Seven steps of three parameters
are enough where each step is compared; what begins with numbers of parameters or groups has the model of 23.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, not_by_design, note, parameters
from ...result import Failed
from ..cases import best_dtype, cases_of
from ..differences import run_difference
from ..faults import reported_at, unless_by_design
from ..option_values import other_value
from ..questions import Questions
from ..runs import Snapshot, clones, gradient_history, gradients_of, run
from ..state import groups_of

Judge = Callable[[Context, Case, Any, Any], None]


def each_case(
    context: Context, *, every: bool = False
) -> Iterator[tuple[Case, list[torch.nn.Parameter], list[list[torch.Tensor | None]]]]:
    """Every case with three parameters and their gradients."""
    # Sizes that differ, so that state paired with the wrong parameter raises or shows.
    for case in cases_of(context, every=every):
        start = parameters(context.seed, ((3, 2), (4,), (5,)), context.dtypes[0], context.device)
        yield case, start, gradient_history(context.seed, 7, start)


def ask_each_case(context: Context, judge: Judge, *, every: bool = False) -> None:
    """Every case judged by (context, case, start, history); what the reference does as well is by design."""
    questions = Questions()
    for case, start, history in each_case(context, every=every):
        with questions.ask(), reported_at(case, context.dtypes[0]):
            unless_by_design(context, case, functools.partial(_judge_one, judge=judge, start=start, history=history))
    questions.conclude()


def _judge_one(context: Context, case: Case, *, judge: Judge, start: Any, history: Any) -> None:
    judge(context, case, start, history)


def run_separately(context: Context, hyper: Any, start: Any, history: Any, *index: int) -> list[Snapshot]:
    """The trajectory of some of the parameters in an optimizer of their own; NotApplicable where that says nothing."""
    not_by_design(context, "stochastic", "coupled")
    params = clones([start[i] for i in index])
    return run(context.build(params, **hyper), params, gradients_of(history, *index))


def difference_from_separate(
    found: list[Snapshot], alone: list[Snapshot], start: Any, index: int, offset: int = 0
) -> str:
    """Whether parameter `index` of one run goes as it does in a run of its own."""
    mine = [[row[index]] for row in found[offset:]]
    difference = run_difference(mine, alone, [start[index].detach()], names=[index])
    return difference and difference + (f" (counted from step {offset + 1})" if offset else "")


def several_refused(context: Context) -> bool:
    """Whether its parameters must be one group, as declared or as it says itself; then that is noted."""
    note(context.seen.several_groups)
    return bool(context.seen.several_groups) or "one-group" in context.declared


def own_allowed(context: Context, base: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether a group may have these values of its own; where it refuses that on purpose, its words are noted."""
    if "lr" in own and "one-lr" in context.declared:
        note("all groups have one lr, as declared")
        return False
    why = context.seen.own_option(base, own)
    note(why)
    return not why


# Of the 23, each of which would need an optimizer of its own: every shape and group, of those of one shape two in the
# middle, those at the edge of a block of 16, and the last.
COMPARED_OF_THE_MODEL = (*range(5), 7, 8, 15, 16, *range(19, 23))


def judge_groups_of_a_model(context: Context, case: Case) -> None:
    """Twenty-three parameters of up to four dimensions in three groups, two with values of their own, 24 steps."""
    if several_refused(context):
        return
    # Twenty in one group, since multi-tensor code takes parameters in blocks; fifteen of one shape, so that state which
    # is paired by shape goes astray.
    shapes = ((3, 2), (4,), (2, 3, 2), (2, 1, 2, 3), (5,), *[(2,)] * 15, (3,), (2, 2), (4,))
    start = parameters(context.seed, shapes, best_dtype(context), context.device)
    history = gradient_history(context.seed, 24, start)
    known = groups_of(context.build(clones(start[:1]), **case.hyper))[0]
    given = {n: v for n, v in {**context.subject.options, **case.hyper}.items() if n in known}
    halved = {n: new for n, v in given.items() if (new := other_value(n, v)) is not None}
    halved = _together(
        context, case, {n: new for n, new in halved.items() if own_allowed(context, case.hyper, {n: new})}
    )
    own: list[dict[str, Any]] = [{}, halved, {n: v for n, v in halved.items() if n == "lr"}]
    members = (range(20), range(20, 22), range(22, 23))
    params = clones(start)
    grouped = [{"params": [params[i] for i in members[g]], **own[g]} for g in range(3)]
    found = run(context.build(grouped, **case.hyper), params, history)
    for i in COMPARED_OF_THE_MODEL:
        g = next(g for g in range(3) if i in members[g])
        alone = run_separately(context, {**case.hyper, **own[g]}, start, history, i)
        if difference := difference_from_separate(found, alone, start, i):
            where = f"parameter {i} of shape {tuple(start[i].shape)}, in group {g + 1} of 3 with 20, 2 and 1 parameters"
            raise Failed(f"{where} and in an optimizer of its own differ: {difference}",
                         cause="it depends on how many parameters or groups there are")  # fmt: skip


def _together(context: Context, case: Case, values: dict[str, Any]) -> dict[str, Any]:
    """The values that an optimizer takes, each with those before: some are out of range together."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        own = {**found, name: value}
        params = parameters(context.seed, ((3, 2),), best_dtype(context), context.device)
        params[0].grad = torch.ones_like(params[0])
        try:
            context.build(params, **{**case.hyper, **own}).step()
        except Exception:  # a trial
            continue
        found = own
    return found


def judge_late_start(
    context: Context, case: Case, found: list[Snapshot], start: Any, history: Any, own: Any = None
) -> None:
    """Parameter 1 starts at step 4, the others at step 1."""
    not_by_design(context, "group-state")
    for i in range(3):
        offset = 3 if i == 1 else 0
        hyper = {**case.hyper, **(own or {})} if i == 1 else case.hyper
        alone = run_separately(context, hyper, start, history[offset:], i)
        if difference := difference_from_separate(found, alone, start, i, offset):
            which = "the parameter that starts at step 4" if i == 1 else "a parameter beside one that starts at step 4"
            raise Failed(f"{which} differs from one in an optimizer of its own: {difference}",
                         cause="a step count or state that parameters share")  # fmt: skip
