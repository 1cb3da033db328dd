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

from ...context import Context, check, parameters
from ...result import Failed
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradient_history, run, snapshot


@check("T1", place=6)
def constructor(context: Context) -> None:
    case = cases_of(context)[0]
    start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    history = gradient_history(context.seed, 3, start)
    with reported_at(case, context.dtypes[0]):
        plain = clones(start)
        optimizer = context.build(plain, **case.hyper)
        expected = run(optimizer, plain, history)
    inherits = isinstance(optimizer, Optimizer)
    forms: dict[str, Callable[[list[Any]], Any]] = {
        "a generator of tensors": lambda ps: (p for p in ps),
        "a tuple of tensors": tuple,
    }
    if context.whole:
        forms["a group dict in a list"] = lambda ps: [{"params": ps}]
    else:
        forms["a list of group dicts"] = lambda ps: [{"params": [ps[0]]}, {"params": ps[1:]}]
        forms["a generator of group dicts"] = lambda ps: ({"params": p} for p in ps)
    if inherits:  # torch 2.6 and later take what named_parameters() gives
        forms["named parameters"] = lambda ps: [(f"p{i}", p) for i, p in enumerate(ps)]
    if inherits and not context.whole:
        forms["groups of named parameters"] = lambda ps: [{"params": [(f"p{i}", p)]} for i, p in enumerate(ps)]
    for form, arranged in forms.items():
        params = clones(start)
        try:
            found = run(context.build(arranged(params), **case.hyper), params, history)
        except Exception as error:
            raise Failed(f"{form}: it raised {type(error).__name__}: {error}", case=case.name) from error
        if difference := run_difference(found, expected, snapshot(start)):
            raise Failed(
                f"{form} and a list of the same tensors differ: {difference}", case=case.name, dtype=context.dtypes[0]
            )
    wrong: dict[str, Any] = {
        "an empty list": [],
        "a list that holds a number": [1.0],
        "one tensor in two groups": [{"params": [start[0]]}, {"params": [start[0]]}],
    }
    for form, given in wrong.items() if inherits else ():
        try:
            context.build(given, **case.hyper)
        except Exception:
            continue
        raise Failed(f"it takes {form} without a word, where torch.optim.Optimizer raises", case=case.name)
