"""A parameter without a gradient stays, state too, goes on as if that step had not been, and disturbs nobody.

Bugs: pytorch#125440 (p.grad is used without a look), DeepSpeed#1823 (None is taken for zeros), #8471 (the step count
goes on). Missing in steps 3, 4 and 6, so twice in a row and once alone; then in twelve steps.
Controls: an optimizer with each of these; and a gradient of zeros, which is not None, must still let momentum and
decay act.
"""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself, not_by_design
from ...result import Failed, NotApplicable
from ..differences import element_difference, run_difference
from ..faults import reported_at
from ..questions import Questions
from ..runs import Snapshot, clones, gradient_history, run
from ..state import state_tensors
from ._separate_optimizers import difference_from_separate, each_case, run_separately, several_refused

MISSING = (2, 3, 5)  # steps from 0 without a gradient: twice in a row, since the first may only use up something kept
ABSENT = 12  # what gives up a parameter's state for lack of gradients was met with limits of 3 to 10 steps


@check("T7", place=2, since="0.2")
def none_gradients(context: Context) -> None:
    each_for_itself(context)
    questions = Questions()
    for case, start, history in each_case(context):
        judges = [_judge_zero_gradients, _judge_missing, _judge_long_absence]
        if not several_refused(context):
            judges.append(judge_groups_without_gradients)
        for judge in judges:
            with questions.ask(), reported_at(case, context.dtypes[0]):
                judge(context, case, start, history)
    questions.conclude()


def _judge_missing(context: Context, case: Case, start: Any, history: Any) -> None:
    """The middle parameter lacks its gradient in three of seven steps."""
    found = _run_with_holes(context, case, start, history)
    not_by_design(context, "group-state")
    present = [t for t in range(len(history)) if t not in MISSING]
    alone = run_separately(context, case.hyper, start, [history[t] for t in present], 1)
    if difference := difference_from_separate([found[t] for t in present], alone, start, 1):
        raise Failed(
            f"with gradients missing in steps 3, 4 and 6, and without those steps, it differs: {difference} "
            "(of those with a gradient)",
            cause="a counter runs on without a gradient",
        )
    # Its neighbours too: who pairs state with gradients by place mixes them up once one is missing.
    neighbours = run_separately(context, case.hyper, start, history, 0, 2)
    if difference := run_difference([[a, b] for a, _, b in found], neighbours, [start[0], start[2]], names=[0, 2]):
        raise Failed(
            "beside a parameter whose gradient is missing in steps 3, 4 and 6, and without it, a "
            f"parameter with a gradient differs: {difference}",
            cause="a missing gradient disturbs the other parameters",
        )


def _run_with_holes(context: Context, case: Case, start: Any, history: Any) -> list[Snapshot]:
    """The run; Failed where a step without a gradient moves the middle parameter or its state."""
    params = clones(start)
    optimizer, found = context.build(params, **case.hyper), []
    for t, row in enumerate(history):
        state = {n: v.clone() for n, v in state_tensors(optimizer, params[1]).items()}
        before = params[1].detach().clone()
        found += run(optimizer, params, [[row[0], None if t in MISSING else row[1], row[2]]])
        if t in MISSING and not torch.equal(before, params[1]):
            moved = float((before - params[1].detach()).abs().max())
            raise Failed(
                f"step {t + 1}: parameter 1 has no gradient and moved by {moved:.3g}",
                cause="a gradient that is None is taken for zeros, or the last is kept",
            )
        now = state_tensors(optimizer, params[1])
        for name, value in state.items() if t in MISSING else ():
            if name not in now or not torch.equal(value, now[name]):
                raise Failed(
                    f"step {t + 1}: parameter 1 has no gradient and its state[{name!r}] changed",
                    cause="state moves on without a gradient",
                )
    return found


def _judge_long_absence(context: Context, case: Case, start: Any, history: Any) -> None:
    """After three steps the middle parameter has no gradient for twelve, and then goes on where it stopped."""
    not_by_design(context, "group-state")
    history = gradient_history(context.seed + 1, ABSENT + 6, start)  # six of them with a gradient
    away = range(3, 3 + ABSENT)
    params = clones(start)
    holes = [[row[0], None if t in away else row[1], row[2]] for t, row in enumerate(history)]
    found = run(context.build(params, **case.hyper), params, holes)
    present = [t for t in range(len(history)) if t not in away]
    alone = run_separately(context, case.hyper, start, [history[t] for t in present], 1)
    if difference := difference_from_separate([found[t] for t in present], alone, start, 1):
        raise Failed(
            f"after {ABSENT} steps without a gradient, and without those steps, it differs: {difference} "
            "(of those with a gradient)",
            cause="the state is dropped, or fades, while gradients are missing",
        )


def judge_groups_without_gradients(context: Context, case: Case, start: Any, history: Any) -> None:
    """One whole group of three has no gradient, the last or the first: the others step all the same."""
    for absent in (2, 0) if context.asks("0.3") else (2,):
        there = [i for i in range(3) if i != absent]
        params = clones(start)
        grouped = [{"params": [p]} for p in params]
        optimizer = context.build(grouped, **case.hyper)
        rows = [[g if i != absent else None for i, g in enumerate(row)] for row in history]
        try:
            found = run(optimizer, params, rows)
        except Exception as error:
            raise Failed(
                f"a step beside a group whose parameter has no gradient raised {type(error).__name__}: {error}",
                cause="a group without any gradient raises",
            ) from error
        neighbours = run_separately(context, case.hyper, start, history, *there)
        if difference := run_difference(
            [[row[i] for i in there] for row in found], neighbours, [start[i] for i in there], names=there
        ):
            raise Failed(
                f"beside a group whose parameter has no gradient, and without that group, it differs: {difference}",
                cause="a missing gradient disturbs the other parameters",
            )


def _judge_zero_gradients(context: Context, case: Case, start: Any, history: Any) -> None:
    """A gradient of zeros lies between two vanishing ones of opposite sign; where these agree, so must it."""
    if context.draws:  # from the random state that a gradient stands for: another gradient draws other numbers
        raise NotApplicable(context.draws)
    ends = []
    # 1e-30 is a number in float32 whose square is 0 there, so that no average of squares can tell it from 0.
    for size in (0.0, 1e-30, -1e-30):
        params = clones(start)
        last = [None if g is None else torch.full_like(g, size) for g in history[3]]
        ends.append(run(context.build(params, **case.hyper), params, [*history[:3], last])[-1])
    for i, (zero, plus, minus) in enumerate(zip(*ends, strict=True)):
        # A rule that takes the sign of the gradient jumps there by design: then the two do not agree.
        if not element_difference(plus, minus, start[i]) and (difference := element_difference(zero, plus, start[i])):
            raise Failed(
                f"step 4 with a gradient of zeros and with one of 1e-30 differ: parameter {i}{difference}",
                cause="a gradient of zeros is taken for none: momentum and decay must still act",
            )
