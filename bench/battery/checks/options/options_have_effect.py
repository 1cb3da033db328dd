"""Every numeric option, switch and part of a tuple changes the result somewhere."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...context import Context, check, subject_of
from ...result import Failed, NotApplicable
from ..script import Named, made, shown_by
from ..trials import Snapshot, cases_of
from ._effects import Hyper, _bases, _changed, _others, _Trials, effects


@check("T3", place=1)
def options_have_effect(c: Context) -> None:
    found = effects(c)
    if not found:
        raise NotApplicable("its signature names no option that is a number, a switch or a tuple of numbers")
    ignored = [name for name, verdict in found.items() if verdict == "ignored"]
    reference = c.of_the_reference
    if ignored and reference is not None:  # what moves no parameter in the reference either need not
        theirs = effects(reference, ignored)
        ignored = [name for name in ignored if theirs.get(name) != "ignored"]
    refused = [name for name, verdict in found.items() if verdict not in ("effect", "ignored")]
    also = f"; no other value of {', '.join(refused)} was accepted" if refused else ""
    if ignored:
        with shown_by(c, lambda: _two_values(c, ignored[0])):
            raise Failed(
                f"{', '.join(ignored)}: no value that was tried changes a parameter in 8 steps, from any of the "
                f"{len(cases_of(c, every=True))} cases nor with another option changed as well{also}",
                cause=f"ignored: {', '.join(ignored)}",
            )
    if len(refused) == len(found):
        raise NotApplicable(f"no value but the default was accepted for {', '.join(refused)}")


def _two_values(c: Context, option: str) -> list[str]:
    """Runs from a base in which the option changes what the reference does; without one, from the richest case."""
    name, trial = option.partition("[")[0], _Trials(c)
    theirs = None if c.against is None else _Trials(dataclasses.replace(c, subject=subject_of(c.against.make, "")))
    for base in ({**hyper} for hyper in (c.richest.hyper, *_bases(c))):
        was = base.get(name, c.subject.options[name])
        for other in [value for part, value in _others(was) if name + part == option]:
            changed = {**base, name: other}
            if trial(changed) is not None and (theirs is None or _moves(theirs(base), theirs(changed))):
                return _ends(c, base, name, (was, other))
    return []


def _moves(a: Snapshot | None, b: Snapshot | None) -> bool:
    return a is not None and b is not None and _changed(a, b)


def _ends(c: Context, base: Hyper, name: str, values: tuple[Any, Any]) -> list[str]:
    rest = {n: value for n, value in base.items() if n != name}
    return [
        "ends = []",
        f"for {name} in {values!r}:",
        "    torch.manual_seed(0)",
        "    p = torch.nn.Parameter(torch.randn(8, dtype=torch.float64))",
        f"    optimizer = {made(c, {**rest, name: Named(name)})}",
        "    for size in (1.0, 10.0, 0.1, 1e-2, 1.0, 1e-2, 1e-3, 0.1):",
        "        p.grad = size * torch.randn(8) * torch.logspace(0, -9, 8, dtype=torch.float64)",
        "        optimizer.step()",
        "    ends.append(p.tolist())",
        f"assert ends[0] != ends[1], f'{name} changes nothing: {{ends[0]}} with either of {values!r}'",
    ]
