"""A parameter without a gradient stays, state too, goes on as if that step had not been, and disturbs nobody."""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself
from ...result import Failed
from ..trials import at, clones, first_gap, gap, history, run, state_of, tensors_in
from ._alone import difference_from, each_case, run_alone


@check("T7", place=2)
def none_gradients(c: Context) -> None:
    each_for_itself(c)
    for case, start, rows in each_case(c):
        with at(case, c.dtypes[0]):
            missing = (2, 3, 5)
            holes: Any = [[row[0], None if t in missing else row[1], row[2]] for t, row in enumerate(rows)]
            params = clones(start)
            optimizer, found = c.build(params, **case.hyper), []
            for t, row in enumerate(holes):
                was = [(n, v.clone()) for n, v in tensors_in(state_of(optimizer, params[1]), "state")]
                before = params[1].detach().clone()
                found += run(optimizer, params, [row])
                if t not in missing:
                    continue
                if not torch.equal(before, params[1]):
                    moved = float((before - params[1].detach()).abs().max())
                    raise Failed(f"step {t + 1}: parameter 1 has no gradient and moved by {moved:.3g}",
                                 cause="a gradient that is None is taken for zeros, or the last is kept")  # fmt: skip
                now = dict(tensors_in(state_of(optimizer, params[1]), "state"))
                for name, value in was:
                    if name not in now or not torch.equal(value, now[name]):
                        raise Failed(f"step {t + 1}: parameter 1 has no gradient and its {name} changed",
                                     cause="state moves on without a gradient")  # fmt: skip
            present = [t for t in range(len(rows)) if t not in missing]
            alone = run_alone(c, case.hyper, start, [rows[t] for t in present], 1)
            if told := difference_from([found[t] for t in present], alone, start, 1):
                raise Failed(f"with gradients missing in steps 3, 4 and 6, and without those steps, it differs: {told} "
                             "(of those with a gradient)", cause="a counter runs on without a gradient")  # fmt: skip
            neighbours = run_alone(c, case.hyper, start, rows, 0, 2)
            if told := first_gap([[row[0], row[2]] for row in found], neighbours, [start[0], start[2]], names=[0, 2]):
                raise Failed(f"beside a parameter whose gradient is missing in steps 3, 4 and 6, and without it, a "
                             f"parameter with a gradient differs: {told}",
                             cause="a missing gradient disturbs the other parameters")  # fmt: skip
            _zero_is_not_none(c, case, start, rows)
            _the_last_of_groups(c, case, start, rows)
            _a_long_absence(c, case, start)


ABSENT = 12  # what gives up a parameter's state for lack of gradients was met with limits of 3 to 10 steps


def _a_long_absence(c: Context, case: Case, start: Any) -> None:
    """After three steps the middle parameter has no gradient for twelve, and then goes on where it stopped."""
    rows = history(c.seed + 1, ABSENT + 6, start)  # six of them with a gradient
    away = range(3, 3 + ABSENT)
    params = clones(start)
    holes = [[row[0], None if t in away else row[1], row[2]] for t, row in enumerate(rows)]
    found = run(c.build(params, **case.hyper), params, holes)
    present = [t for t in range(len(rows)) if t not in away]
    alone = run_alone(c, case.hyper, start, [rows[t] for t in present], 1)
    if told := difference_from([found[t] for t in present], alone, start, 1):
        raise Failed(f"after {ABSENT} steps without a gradient, and without those steps, it differs: {told} "
                     "(of those with a gradient)",
                     cause="the state is dropped, or fades, while gradients are missing")  # fmt: skip


def _the_last_of_groups(c: Context, case: Case, start: Any, rows: Any) -> None:
    """The last of three groups has no gradient: the others step all the same."""
    params = clones(start)
    grouped = [{"params": [p]} for p in params]
    found = run(c.build(grouped, **case.hyper), params, [[row[0], row[1], None] for row in rows])
    neighbours = run_alone(c, case.hyper, start, rows, 0, 1)
    if told := first_gap([row[:2] for row in found], neighbours, [start[0], start[1]]):
        raise Failed(f"beside a group whose parameter has no gradient, and without that group, it differs: {told}",
                     cause="a missing gradient disturbs the other parameters")  # fmt: skip


def _zero_is_not_none(c: Context, case: Case, start: Any, rows: Any) -> None:
    """A gradient of zeros lies between two vanishing ones of opposite sign; where these agree, so must it."""
    ends = []
    for size in (0.0, 1e-30, -1e-30):
        params = clones(start)
        last = [None if g is None else torch.full_like(g, size) for g in rows[3]]
        ends.append(run(c.build(params, **case.hyper), params, [*rows[:3], last])[-1])
    for i, (zero, plus, minus) in enumerate(zip(*ends, strict=True)):
        if not gap(plus, minus, start[i]) and (told := gap(zero, plus, start[i])):
            raise Failed(f"step 4 with a gradient of zeros and with one of 1e-30 differ: parameter {i}{told}",
                         cause="a gradient of zeros is taken for none: momentum and decay must still act")  # fmt: skip
