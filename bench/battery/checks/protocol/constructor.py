"""It accepts parameters in every form that torch does, and refuses what torch refuses.

For a constructor that goes through its parameters twice, which empties a generator such as model.parameters(), and
for one that takes what torch.optim.Optimizer refuses: a tensor in two groups would step twice. Every form is held
against a list of the same tensors, for three steps.
Control: an SGD that counts its parameters first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradient_history, run, snapshot


@check("T1", place=6, since="0.2")
def constructor(context: Context) -> None:
    case = cases_of(context)[0]
    start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    history = gradient_history(context.seed, 3, start)
    with reported_at(case, context.dtypes[0]):
        params = clones(start)
        optimizer = context.build(params, **case.hyper)
        expected = run(optimizer, params, history)
    inherits = isinstance(optimizer, Optimizer)
    for form, arranged in _forms(inherits=inherits, one_group=context.whole or "one-group" in context.declared).items():
        params = clones(start)
        try:
            found = run(context.build(arranged(params), **case.hyper), params, history)
        except Exception as error:
            raise Failed(f"{form}: it raised {type(error).__name__}: {error}", case=case.name) from error
        if difference := run_difference(found, expected, snapshot(start)):
            message = f"{form} and a list of the same tensors differ: {difference}"
            raise Failed(message, case=case.name, dtype=context.dtypes[0])
    if inherits:  # a class of its own need not refuse what torch's base class does
        _judge_refusals(context, case, start)


def _forms(*, inherits: bool, one_group: bool) -> dict[str, Callable[[list[Any]], Any]]:
    """What torch.optim takes for parameters, made of a list of them."""
    forms: dict[str, Callable[[list[Any]], Any]] = {
        "a generator of tensors": lambda ps: (p for p in ps),
        "a tuple of tensors": tuple,
    }
    if one_group:
        forms["a group dict in a list"] = lambda ps: [{"params": ps}]
    else:
        forms["a list of group dicts"] = lambda ps: [{"params": [ps[0]]}, {"params": ps[1:]}]
        forms["a generator of group dicts"] = lambda ps: ({"params": p} for p in ps)
    if inherits:  # torch 2.6 and later take what named_parameters() gives
        forms["named parameters"] = lambda ps: [(f"p{i}", p) for i, p in enumerate(ps)]
    if inherits and not one_group:
        forms["groups of named parameters"] = lambda ps: [{"params": [(f"p{i}", p)]} for i, p in enumerate(ps)]
    return forms


def _judge_refusals(context: Context, case: Case, start: list[Any]) -> None:
    """What torch.optim.Optimizer refuses: mistakes of a caller who would otherwise train wrongly, or nothing."""
    wrong: dict[str, Any] = {
        "an empty list": [],
        "a list that holds a number": [1.0],
        "one tensor in two groups": [{"params": [start[0]]}, {"params": [start[0]]}],
    }
    for form, given in wrong.items():
        try:
            context.build(given, **case.hyper)
        # Of whatever kind: torch itself raises ValueError for two of them and TypeError for the third.
        except Exception:
            continue
        raise Failed(f"it takes {form} without a word, where torch.optim.Optimizer raises", case=case.name)
