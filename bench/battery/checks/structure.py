"""Parameters in groups, without gradients, late or added: each goes its way as if it were alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from ....scratch_impls import Case
from ..context import Context, check, each_for_itself, parameters
from .equal import best_dtype, two_cases
from ..result import Failed, NotApplicable
from .trials import (
    Snapshot,
    at,
    cases_of,
    clones,
    first_gap,
    gap,
    groups_of,
    history,
    only,
    other_value,
    rate_option,
    run,
    state_of,
    tensors_in,
)  # fmt: skip

COUPLED = "one parameter's step depends on another's (by design where a norm over all of them is used, else a fault)"


def _each(
    c: Context, *, every: bool = False
) -> Iterator[tuple[Case, list[torch.nn.Parameter], list[list[torch.Tensor | None]]]]:
    """Every case with three parameters and their gradients."""
    for case in cases_of(c, every=every):
        start = parameters(c.seed, ((3, 2), (4,), (5,)), c.dtypes[0], c.device)
        yield case, start, history(c.seed, 7, start)


def _alone(c: Context, hyper: Any, start: Any, rows: Any, *index: int) -> list[Snapshot]:
    """The trajectory of some of the parameters in an optimizer of their own."""
    params = clones([start[i] for i in index])
    return run(c.build(params, **hyper), params, only(rows, *index))


def _differ(found: list[Snapshot], alone: list[Snapshot], start: Any, index: int, offset: int = 0) -> str:
    """Whether parameter `index` of one run goes as it does in a run of its own."""
    mine = [[row[index]] for row in found[offset:]]
    told = first_gap(mine, alone, [start[index].detach()], names=[index])
    return told and told + (f" (counted from step {offset + 1})" if offset else "")


@check("T6")
def groups(c: Context) -> None:
    """Groups with different hyperparameters equal optimizers of their own, however many parameters there are."""
    each_for_itself(c)
    chosen = cases_of(c, every=True)
    for k, (case, start, rows) in enumerate(_each(c, every=True)):
        with at(case, c.dtypes[0]):
            params = clones(start)
            together = run(c.build(params, **case.hyper), params, rows) if k == 0 or not c.quick else []
            for i in (0, 1, 2) if together else ():
                if told := _differ(together, _alone(c, case.hyper, start, rows, i), start, i):
                    raise Failed(f"parameters together and in optimizers of their own differ: {told}", cause=COUPLED)
            if together:
                _beside_an_empty_group(c, case, start, rows)
            keys = set(groups_of(c.build(clones(start), **case.hyper))[0]) - {"params"}
            first = {n: v for n, v in {**c.subject.options, **case.hyper}.items() if n in keys}
            other = {**first, **{n: v for n, v in chosen[(k + 1) % len(chosen)].hyper.items() if n in keys}}
            if isinstance(first.get("lr"), (int, float)) and first["lr"] == other["lr"]:
                other["lr"] = first["lr"] / 2
            changed = [n for n in first if first[n] != other[n]]
            if told := _grouped(c, case.hyper, {n: other[n] for n in changed}, start, rows):
                single = [n for n in changed if _grouped(c, case.hyper, {n: other[n]}, start, rows)]
                theirs, ours = (", ".join(f"{n}={h[n]!r}" for n in single or changed) for h in (other, first))
                raise Failed(
                    f"a group with {theirs} beside one with {ours} is not what two optimizers do: {told}",
                    cause=f"the group's own {', '.join(single or changed)} is not used",
                )
    for case in two_cases(c) if c.cases else ():
        with at(case, best_dtype(c)):
            as_in_a_model(c, case)


def _beside_an_empty_group(c: Context, case: Case, start: Any, rows: Any) -> None:
    """A group without parameters, as of layers that are all frozen, stands between two others."""
    params = clones([start[0], start[2]])
    try:
        optimizer = c.build([{"params": params[:1]}, {"params": []}, {"params": params[1:]}], **case.hyper)
    except (TypeError, ValueError):
        return  # it refuses such a group, and says so
    found = run(optimizer, params, only(rows, 0, 2))
    if told := first_gap(found, _alone(c, case.hyper, start, rows, 0, 2), [start[0], start[2]], names=[0, 2]):
        raise Failed(f"beside a group without parameters, and without that group, it differs: {told}",
                     cause="a group without parameters disturbs the others")  # fmt: skip


def as_in_a_model(c: Context, case: Case) -> None:
    """Twenty-three parameters of up to four dimensions in three groups, two with values of their own, forty steps."""
    shapes = ((3, 2), (4,), (2, 3, 2), (2, 1, 2, 3), (5,), *[(2,)] * 15, (3,), (2, 2), (4,))
    start = parameters(c.seed, shapes, best_dtype(c), c.device)
    rows = history(c.seed, 40, start)
    known = groups_of(c.build(clones(start[:1]), **case.hyper))[0]
    given = {n: v for n, v in {**c.subject.options, **case.hyper}.items() if n in known}
    halved = {n: new for n, v in given.items() if (new := other_value(n, v)) is not None}
    own: list[dict[str, Any]] = [{}, halved, {n: v for n, v in halved.items() if n == "lr"}]
    members = (range(20), range(20, 22), range(22, 23))
    try:
        alone = [_alone(c, {**case.hyper, **own[g]}, start, rows, i) for g in range(3) for i in members[g]]
    except (TypeError, ValueError):
        return  # what a group would have of its own is refused
    params = clones(start)
    grouped = [{"params": [params[i] for i in members[g]], **own[g]} for g in range(3)]
    found = run(c.build(grouped, **case.hyper), params, rows)
    for i in range(len(start)):
        if told := _differ(found, alone[i], start, i):
            g = next(g for g in range(3) if i in members[g])
            where = f"parameter {i} of shape {tuple(start[i].shape)}, in group {g + 1} of 3 with 20, 2 and 1 parameters"
            raise Failed(f"{where} and in an optimizer of its own differ: {told}",
                         cause="it depends on how many parameters or groups there are")  # fmt: skip


def _grouped(c: Context, hyper: Any, own: dict[str, Any], start: Any, rows: Any) -> str:
    """Parameters 0 and 2 with `hyper`, 1 with its own as well, against optimizers of their own; "" where they agree."""
    params = clones(start)
    try:
        alone = [_alone(c, hyper, start, rows, 0), _alone(c, {**hyper, **own}, start, rows, 1)]
    except (TypeError, ValueError):
        return ""  # the two cases do not combine
    optimizer = c.build([{"params": [params[0], params[2]]}, {"params": [params[1]], **own}], **hyper)
    found = run(optimizer, params, rows)
    return _differ(found, alone[0], start, 0) or _differ(found, alone[1], start, 1)


@check("T7")
def none_gradients(c: Context) -> None:
    """A parameter without a gradient stays, state too, goes on as if that step had not been, and disturbs nobody."""
    each_for_itself(c)
    for case, start, rows in _each(c):
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
            alone = _alone(c, case.hyper, start, [rows[t] for t in present], 1)
            if told := _differ([found[t] for t in present], alone, start, 1):
                raise Failed(f"with gradients missing in steps 3, 4 and 6, and without those steps, it differs: {told} "
                             "(of those with a gradient)", cause="a counter runs on without a gradient")  # fmt: skip
            neighbours = _alone(c, case.hyper, start, rows, 0, 2)
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
    alone = _alone(c, case.hyper, start, [rows[t] for t in present], 1)
    if told := _differ([found[t] for t in present], alone, start, 1):
        raise Failed(f"after {ABSENT} steps without a gradient, and without those steps, it differs: {told} "
                     "(of those with a gradient)",
                     cause="the state is dropped, or fades, while gradients are missing")  # fmt: skip


def _the_last_of_groups(c: Context, case: Case, start: Any, rows: Any) -> None:
    """The last of three groups has no gradient: the others step all the same."""
    params = clones(start)
    grouped = [{"params": [p]} for p in params]
    found = run(c.build(grouped, **case.hyper), params, [[row[0], row[1], None] for row in rows])
    neighbours = _alone(c, case.hyper, start, rows, 0, 1)
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


@check("T7")
def late_start(c: Context) -> None:
    """A parameter whose first gradient comes late goes as one in an optimizer that starts then."""
    each_for_itself(c)
    for case, start, rows in _each(c, every=True):
        with at(case, c.dtypes[0]):
            params = clones(start)
            late: Any = [[row[0], row[1] if t >= 3 else None, row[2]] for t, row in enumerate(rows)]
            found = run(c.build(params, **case.hyper), params, late)
            _as_alone(c, case, found, start, rows)


@check("T7")
def added_group(c: Context) -> None:
    """A group added in the middle of a run starts then, with its own hyperparameters, and disturbs nobody."""
    each_for_itself(c)
    for case, start, rows in _each(c):
        with at(case, c.dtypes[0]):
            params = clones(start)
            optimizer = c.build([params[0], params[2]], **case.hyper)
            if not hasattr(optimizer, "add_param_group"):
                raise NotApplicable("it has no add_param_group()")
            found = [[a, start[1].detach(), b] for a, b in run(optimizer, [params[0], params[2]], only(rows[:3], 0, 2))]
            lr, option = groups_of(optimizer)[0].get("lr"), rate_option(c, case.hyper)
            half = lr / 2 if isinstance(lr, (int, float)) and option else None
            optimizer.add_param_group({"params": [params[1]], **({} if half is None else {"lr": half})})
            found += run(optimizer, params, rows[3:])
            # A group says lr, whatever the constructor calls it.
            _as_alone(c, case, found, start, rows, {} if half is None else {option: half})


def _as_alone(c: Context, case: Case, found: list[Snapshot], start: Any, rows: Any, own: Any = None) -> None:
    """Parameter 1 starts at step 4, the others at step 1."""
    for i in range(3):
        offset = 3 if i == 1 else 0
        hyper = {**case.hyper, **(own or {})} if i == 1 else case.hyper
        if told := _differ(found, _alone(c, hyper, start, rows[offset:], i), start, i, offset):
            which = "the parameter that starts at step 4" if i == 1 else "a parameter beside one that starts at step 4"
            raise Failed(f"{which} differs from one in an optimizer of its own: {told}",
                         cause="a step count or state that parameters share")  # fmt: skip


@check("T7")
def frozen(c: Context) -> None:
    """Parameters that are frozen or have no gradient stay, and move once they are unfrozen; no gradients do no harm."""
    each_for_itself(c)
    for case, start, rows in _each(c):
        with at(case, c.dtypes[0]):
            params = clones(start)
            params[1].requires_grad_(False)
            optimizer = c.build(params, **case.hyper)
            optimizer.zero_grad()
            optimizer.step()
            partly: Any = [[row[0], None, None] for row in rows]
            found = run(optimizer, params, [*partly[:3], [None] * 3, *partly[3:]])
            for i, kind in ((1, "requires_grad=False"), (2, "no gradient at any step")):
                if not torch.equal(params[i], start[i]):
                    raise Failed(f"parameter {i} ({kind}) moved", cause="what has no gradient is updated all the same")
            if not torch.equal(found[3][0], found[2][0]):
                raise Failed("a step without any gradient moved parameter 0")
            if told := _differ([*found[:3], *found[4:]], _alone(c, case.hyper, start, rows, 0), start, 0):
                raise Failed(f"beside frozen parameters, and after steps without any gradient, it differs: {told} "
                             "(of those with a gradient)", cause="a counter runs on without a gradient")  # fmt: skip
            _unfrozen(c, case, params, optimizer, start, rows)


def _unfrozen(c: Context, case: Case, params: Any, optimizer: Any, start: Any, rows: Any) -> None:
    """What was frozen when the optimizer was made starts now, as in an optimizer of its own."""
    params[1].requires_grad_(True)
    found = run(optimizer, params, rows)
    if told := _differ(found, _alone(c, case.hyper, start, rows, 1), start, 1):
        raise Failed(f"parameter 1 was frozen and is not any more, and it does not go as one that starts then: {told}",
                     cause="which parameters step is decided when the optimizer is made")  # fmt: skip


from . import ownership  # noqa: E402  the checks of what belongs to the caller follow

_ = ownership
