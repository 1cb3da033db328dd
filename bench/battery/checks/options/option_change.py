"""A value other than lr that changes in the group in the middle of a run rules from the next step on.

For weight decay, eps, betas and switches that are read once and kept, so that a schedule of them does nothing. Four
steps before the change give the state a history, eight after it show what acts late.
Controls: an optimizer for each; and a change counts only where the reference shows one. Without a reference, one that
is built with the new value and loads the state stands in.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..cases import best_dtype, cases_of
from ..differences import run_difference, tolerance, values_difference
from ..faults import reported_at
from ..option_values import other_value
from ..runs import Snapshot, clones, gradient_history, run, snapshot
from ..state import groups_of, named_state

Hyper = Mapping[str, Any]
Change = tuple[Case, str, Any, bool]  # from which case, which option, to what, and whether the reference tells

BEFORE, STEPS = 4, 12  # of twelve steps the change comes before the fifth


@check("T5", place=5, since="0.2")
def option_change(context: Context) -> None:
    seen, unchanged = False, _Unchanged(context)
    for case, name, new, against in [*_changes(context), *_switched_on(context)]:
        with reported_at(case, best_dtype(context)):
            judge = functools.partial(_judge_against_reference, unchanged) if against else _judge_against_rebuilt
            seen = judge(context, case, name, new) or seen
    if not seen:
        raise NotApplicable("its groups hold no option but lr whose change could be seen")


def _changes(context: Context) -> Iterator[Change]:
    """Every number, tuple of numbers and switch in the group, from the first two cases that have it other than 0."""
    cases, held = cases_of(context, every=True), context.against is not None
    for name in _options_in_the_group(context):
        values = [(case, case.hyper.get(name, context.subject.options[name])) for case in cases]
        for case, value in [(k, v) for k, v in values if v or name == "weight_decay"][:2]:
            if (new := False if value is True else other_value(name, value)) is not None:
                yield case, name, new, held
        if name == "weight_decay":  # and turned off
            yield from [(case, name, 0.0, held) for case, value in values if value][:1]


def _switched_on(context: Context) -> Iterator[Change]:
    """What is 0 or off is turned on. Held against a rebuilt one always: who has no momentum may keep no buffer yet, or
    one that holds the last gradient, and the reference does the one or the other."""
    for name in _options_in_the_group(context):
        values = [(case, case.hyper.get(name, context.subject.options[name])) for case in cases_of(context, every=True)]
        for case, value in [(k, v) for k, v in values if v is False or v == 0][:1] if name != "weight_decay" else ():
            yield case, name, True if value is False else 0.5, False


def _options_in_the_group(context: Context) -> list[str]:
    case = cases_of(context, every=True)[0]
    group = groups_of(context.build(clones(parameters(context.seed)), **case.hyper))[0]
    return [name for name in context.subject.options if name in group and name != "lr"]


def _run_with_change(make: Any, context: Context, hyper: Hyper, name: str, new: Any) -> list[Snapshot]:
    """Twelve steps; the group gets its new value, where there is one, in the middle."""
    start = _start(context)
    params = clones(start)
    optimizer = make(params, **hyper)

    def before(step: int) -> None:
        for group in groups_of(optimizer) if step == BEFORE and new is not None else ():
            group[name] = new

    return run(optimizer, params, gradient_history(context.seed, STEPS, start), before)


def _start(context: Context) -> list[torch.nn.Parameter]:
    return parameters(context.seed, dtype=best_dtype(context), device=context.device)


class _Unchanged:
    """The runs in which nothing changes: of either side one for every case, whichever option changes in others."""

    def __init__(self, context: Context) -> None:
        self.context, self.kept = context, dict[tuple[str, str], list[Snapshot]]()

    def run(self, side: str, make: Any, case: Case, hyper: Hyper) -> list[Snapshot]:
        if (side, case.name) not in self.kept:
            self.kept[side, case.name] = _run_with_change(make, self.context, hyper, "", None)
        return self.kept[side, case.name]


def _judge_against_reference(unchanged: _Unchanged, context: Context, case: Case, name: str, new: Any) -> bool:
    """Whether the reference shows a change, which the subject then must show as well."""
    assert context.against is not None
    hyper = context.against.taken(case.hyper)
    start = snapshot(_start(context))
    try:
        theirs = [
            _run_with_change(context.against.make, context, hyper, name, new),
            unchanged.run("theirs", context.against.make, case, hyper),
        ]
    except Exception:  # it cannot change this, so nobody has to
        return False
    ours = [
        _run_with_change(context.subject.make, context, case.hyper, name, new),
        unchanged.run("ours", context.subject.make, case, case.hyper),
    ]
    if not run_difference(theirs[0], theirs[1], start) or run_difference(ours[1], theirs[1], start, one_class=False):
        return False  # not to be seen, or the two differ without any change: the checks of agreement tell of it
    if difference := run_difference(ours[0], theirs[0], start, one_class=False):
        if _differ_with(context, case, hyper, name, new, start):
            return False  # so does who is made with it: eps inside the root shows once eps is large
        if _keeps_other_state(context, case, hyper):  # averages in another scale go another way after a change
            return _judge_against_rebuilt(context, case, name, new)
        _fail(
            name,
            new,
            f"{difference}, which is that of {context.against.label}",
            ignored=not run_difference(ours[0], ours[1], start),
        )
    return True


def _differ_with(context: Context, case: Case, hyper: Hyper, name: str, new: Any, start: Snapshot) -> bool:
    """Whether the two differ where both are made with the new value and nothing changes."""
    assert context.against is not None
    try:
        ours = _run_with_change(context.subject.make, context, {**case.hyper, name: new}, name, None)
        theirs = _run_with_change(context.against.make, context, {**hyper, name: new}, name, None)
    except Exception:  # one of them refuses it there
        return False
    return bool(run_difference(ours, theirs, start, one_class=False))


def _keeps_other_state(context: Context, case: Case, hyper: Hyper) -> bool:
    """Whether the state before the change is not the reference's, in names or in values."""
    assert context.against is not None
    found = []
    for make, given in ((context.subject.make, case.hyper), (context.against.make, hyper)):
        params = clones(_start(context))
        optimizer = make(params, **given)
        run(optimizer, params, gradient_history(context.seed, BEFORE, params))
        tensors = {n: v for n, v in named_state(optimizer, params).items() if isinstance(v, torch.Tensor) and v.dim()}
        found.append(tensors)
    ours, theirs = found
    return bool(values_difference(ours, theirs, allowed=tolerance(best_dtype(context))))


def _judge_against_rebuilt(context: Context, case: Case, name: str, new: Any) -> bool:
    """A fresh optimizer with the new value, which loads the state, goes the same way: no reference is needed."""
    start = _start(context)
    history, params = gradient_history(context.seed, STEPS, start), clones(start)
    optimizer = context.build(params, **case.hyper)
    run(optimizer, params, history[:BEFORE])
    middle = snapshot(params)
    try:
        wanted = _rebuilt(context, case, optimizer, params, history, {name: new})
        unchanged = _rebuilt(context, case, optimizer, params, history, {})
        usual = _run_on(context, case, start, history, {})
        found = _run_on(context, case, start, history, {name: new})
    except Exception:  # the value or the loading is refused, or its state is not there: other checks tell of it
        return False
    if run_difference(usual, unchanged, middle):
        return False  # what loads does not go on as the other: save-load tells of it
    if difference := run_difference(found, wanted, middle):
        where = f"{difference} (counted from the change), which is that of one built with it that loaded the state"
        _fail(name, new, where, ignored=not run_difference(found, usual, middle))
    return bool(run_difference(wanted, unchanged, middle))


def _rebuilt(context: Context, case: Case, optimizer: Any, params: Any, history: Any, values: Hyper) -> list[Snapshot]:
    """The steps after the change of one that was built with the values and loaded the state."""
    fresh, saved = clones(params), copy.deepcopy(optimizer.state_dict())
    for group in saved["param_groups"]:
        group.update(values)
    built = context.build(fresh, **{**case.hyper, **values})
    built.load_state_dict(saved)
    return run(built, fresh, history[BEFORE:])


def _run_on(context: Context, case: Case, start: Any, history: Any, values: Hyper) -> list[Snapshot]:
    """The steps after the change of one whose groups are given the values."""
    params = clones(start)
    optimizer = context.build(params, **case.hyper)
    run(optimizer, params, history[:BEFORE])
    for group in groups_of(optimizer):
        group.update(values)
    return run(optimizer, params, history[BEFORE:])


def _fail(name: str, new: Any, difference: str, ignored: bool = False) -> None:
    cause = f"a change of {name} in the group is ignored" if ignored else f"a change of {name} acts late or never"
    raise Failed(f'group["{name}"] set to {new!r} before step {BEFORE + 1}, and it differs: {difference}', cause=cause)
