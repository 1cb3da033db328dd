"""A group's own value of every option: what an optimizer built with it does, and one in which it is set later.

Each option of the signature alone, whether the groups name it or not: `{"params": ..., "maximize": True}` is taken
without a word by torch's base class, whoever reads it. Only a value that changes the steps of an optimizer of its own
can be missed in a group, so each is looked for among the cases first.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .....scratch_impls import Case
from ...context import Context
from ...result import Failed
from ..cases import cases_of
from ..differences import run_difference
from ..faults import REFUSALS
from ..option_values import learning_rate_option, other_value
from ..options._option_effect import other_values
from ..runs import Snapshot, clones, gradients_of, run, snapshot
from ..state import groups_of
from ._separate_optimizers import difference_from_separate, own_allowed, run_separately

TRIED = 8  # other values of one option from one case: the nearest kin come first
# Of an option whose default is None nothing can be derived; a rate and a decay are what people set in a group.
INSTEAD_OF_NONE = {"lr": (0.05, 0.01), "weight_decay": (0.1,)}
REFUSED = (*REFUSALS, KeyError)


def options_with_effect(context: Context, start: Any, history: Any) -> Iterator[tuple[Case, str, Any]]:
    """For each option a case and another value that changes parameter 1's way in an optimizer of its own."""
    kept: dict[str, list[Snapshot] | None] = {}
    for name, default in context.subject.options.items():
        for case in _bases(context, name):
            key = repr(sorted(case.hyper.items()))
            if key not in kept:
                kept[key] = _alone(context, case.hyper, start, history)
            values = (c.hyper[name] for c in cases_of(context, every=True) if name in c.hyper)
            tried = [*dict.fromkeys(values), *list(_others(name, case.hyper.get(name, default)))[:TRIED]]
            usual = kept[key]
            new = None if usual is None else _effective(context, case, name, tried, usual, start, history)
            if new is not None:
                yield case, name, new
                break


def _bases(context: Context, name: str) -> Iterator[Case]:
    """The cases without the option, whose default is what a group has then, and as they are: lr may be required."""
    for case in cases_of(context, every=True):
        if name in case.hyper:
            yield dataclasses.replace(case, hyper={n: v for n, v in case.hyper.items() if n != name})
        yield case


def _alone(context: Context, hyper: Mapping[str, Any], start: Any, history: Any) -> list[Snapshot] | None:
    """Parameter 1 in an optimizer of its own; None where the values are refused: a trial, and no fault."""
    try:
        return run_separately(context, hyper, start, history, 1)
    except Exception:
        return None


def _effective(
    context: Context, case: Case, name: str, tried: list[Any], usual: list[Snapshot], start: Any, history: Any
) -> Any:
    for new in tried:
        changed = _alone(context, {**case.hyper, name: new}, start, history)
        if changed is not None and run_difference(changed, usual, [start[1].detach()]):
            return new
    return None


def _others(name: str, value: Any) -> Iterator[Any]:
    if value is inspect.Parameter.empty or value is None:
        yield from INSTEAD_OF_NONE.get(name, ())
        return
    if not isinstance(value, bool) and (kin := other_value(name, value)) not in (None, value):
        yield kin
    yield from (new for _, new in other_values(value))


def judge_own_option(context: Context, case: Case, name: str, new: Any, start: Any, history: Any) -> None:
    """The second of two groups is given its own value as it is made."""

    key = _in_a_group(context, case, name)
    if _one_rate_is_declared(context, key) or not own_allowed(context, case.hyper, {key: new}):
        return

    def made(params: list[Any]) -> Any:
        return context.build([{"params": [params[0], params[2]]}, {"params": [params[1]], key: new}], **case.hyper)

    alone = run_separately(context, {**case.hyper, name: new}, start, history, 1)
    _judge(context, case, made, alone, f"{name}={new!r}, given as it is made,", name, start, history)


def judge_option_set_later(context: Context, case: Case, name: str, new: Any, start: Any, history: Any) -> None:
    """The second of two groups has its own value set before the first step, as an optimizer of its own has it."""

    key = _in_a_group(context, case, name)
    if _one_rate_is_declared(context, key):
        return

    def changed(params: list[Any], groups: list[dict[str, Any]], index: int) -> Any:
        optimizer = context.build(groups, **case.hyper)
        held = groups_of(optimizer)
        if key in held[index]:  # what a group does not name is not there to be set
            held[index][key] = new
        return optimizer

    single = clones([start[1]])
    alone = run(changed(single, [{"params": single}], 0), single, gradients_of(history, 1))

    def made(params: list[Any]) -> Any:
        return changed(params, [{"params": [params[0], params[2]]}, {"params": [params[1]]}], 1)

    _judge(context, case, made, alone, f"{name}={new!r}, set before the first step,", name, start, history)


def _one_rate_is_declared(context: Context, key: str) -> bool:
    return key == "lr" and "one-lr" in context.declared


def _in_a_group(context: Context, case: Case, name: str) -> str:
    """What a group calls the option: a rate is lr there, where schedulers look, whatever the constructor calls it."""
    return "lr" if name == learning_rate_option(context, case.hyper) else name


def _judge(
    context: Context, case: Case, made: Callable[[list[Any]], Any], alone: list[Snapshot], own: str, name: str,
    start: Any, history: Any,
) -> None:  # fmt: skip
    params = clones(start)
    try:
        found = run(made(params), params, history)
    except REFUSED:  # refused aloud: nobody is misled
        return
    usual = run_separately(context, case.hyper, start, history, 0)
    difference = difference_from_separate(found, alone, start, 1) or difference_from_separate(found, usual, start, 0)
    if not difference:
        return
    without = run_separately(context, case.hyper, start, history, 1)
    ignored = not run_difference([[row[1]] for row in found], without, snapshot([start[1]]))
    raise Failed(
        f"a group with {own} beside one without is not what two optimizers do: {difference}"
        + ("; it steps as if it had none of its own" if ignored else ""),
        cause=f"the group's own {name} is not used",
    )
