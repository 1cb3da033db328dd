"""Its defaults, and the forms in which it takes parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer

from ..context import Context, check, parameters, subject_of
from ..result import Failed, NotApplicable
from .script import shown_by
from .trials import at, cases_of, clones, first_gap, history, run, snapshot


@check("T1")
def defaults(c: Context) -> None:
    """Every option that the reference has too has the same default."""
    if c.against is None:
        raise NotApplicable("there is no reference to compare the defaults with")
    theirs = subject_of(c.against.make, c.against.label).options
    ours, missing = c.subject.options, inspect.Parameter.empty
    shared = [n for n in ours if n in theirs and missing not in (ours[n], theirs[n])]
    if not shared:
        raise NotApplicable(f"it shares no option that has a default with {c.against.label}")
    differ = [n for n in shared if _plain(ours[n]) != _plain(theirs[n])]
    if differ:
        told = ", ".join(f"{n} is {ours[n]!r}, not {theirs[n]!r}" for n in differ)
        with shown_by(c, lambda: _signature(c, {n: theirs[n] for n in differ})):
            raise Failed(
                f"defaults differ from those of {c.against.label}: {told}",
                cause=f"another default: {', '.join(differ)}",
            )


def _signature(c: Context, expected: dict[str, Any]) -> list[str]:
    return [
        "import inspect",
        f"expected = {expected!r}",
        f"options = inspect.signature({c.subject.label.partition(':')[2]}).parameters",
        "found = {name: options[name].default for name in expected}",
        "assert found == expected, f'{found}, expected {expected}'",
    ]


def _plain(value: Any) -> Any:
    return tuple(_plain(v) for v in value) if isinstance(value, (list, tuple)) else value


@check("T1")
def constructor(c: Context) -> None:
    """It accepts parameters in every form that torch does, and refuses what torch refuses."""
    case = cases_of(c)[0]
    start = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    rows = history(c.seed, 3, start)
    with at(case, c.dtypes[0]):
        plain = clones(start)
        optimizer = c.build(plain, **case.hyper)
        expected = run(optimizer, plain, rows)
    inherits = isinstance(optimizer, Optimizer)
    forms: dict[str, Callable[[list[Any]], Any]] = {
        "a generator of tensors": lambda ps: (p for p in ps),
        "a tuple of tensors": tuple,
    }
    if c.whole:
        forms["a group dict in a list"] = lambda ps: [{"params": ps}]
    else:
        forms["a list of group dicts"] = lambda ps: [{"params": [ps[0]]}, {"params": ps[1:]}]
        forms["a generator of group dicts"] = lambda ps: ({"params": p} for p in ps)
    if inherits:  # torch 2.6 and later take what named_parameters() gives
        forms["named parameters"] = lambda ps: [(f"p{i}", p) for i, p in enumerate(ps)]
    if inherits and not c.whole:
        forms["groups of named parameters"] = lambda ps: [{"params": [(f"p{i}", p)]} for i, p in enumerate(ps)]
    for form, arranged in forms.items():
        params = clones(start)
        try:
            found = run(c.build(arranged(params), **case.hyper), params, rows)
        except Exception as error:
            raise Failed(f"{form}: it raised {type(error).__name__}: {error}", case=case.name) from error
        if told := first_gap(found, expected, snapshot(start)):
            raise Failed(f"{form} and a list of the same tensors differ: {told}", case=case.name, dtype=c.dtypes[0])
    wrong: dict[str, Any] = {
        "an empty list": [],
        "a list that holds a number": [1.0],
        "one tensor in two groups": [{"params": [start[0]]}, {"params": [start[0]]}],
    }
    for form, given in wrong.items() if inherits else ():
        try:
            c.build(given, **case.hyper)
        except Exception:
            continue
        raise Failed(f"it takes {form} without a word, where torch.optim.Optimizer raises", case=case.name)
