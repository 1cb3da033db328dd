"""Every numeric option, switch and part of a tuple changes the result somewhere.

Bugs: mlx#473, kozistr#517 #516 #385, tinygrad#17708, fastai2#246, HeavyBall#40: an option is accepted and never read.
Many act only beside another (nesterov with momentum), so each is tried from every case, and from every case with one
other option changed; and in every format, since one of rounding acts in narrow ones alone. What changes nothing in
the reference either need not.
An option that says by its name that it is for what is printed or logged is asked for nothing (DAdaptAdam's log_every).
Controls: an optimizer with each of these bugs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ...context import Context, check, note, subject_of
from ...result import Failed, NotApplicable
from ..cases import best_dtype, cases_of
from ..reproduction import VariableName, constructor_call, reproduced_by
from ..runs import Snapshot
from ._option_effect import Hyper, OptionRuns, base_options, changed, effects, other_values

OUTPUT = {"verbose", "log", "logging", "logger", "print", "debug", "warn"}  # words of a name
FORMATS = ("float32", "float64", "bfloat16", "float16")


@check("T3", place=1, since="0.2")
def options_have_effect(context: Context) -> None:
    found = effects(context)
    if not found:
        raise NotApplicable("its signature names no option that is a number, a switch or a tuple of numbers")
    ignored = [name for name, verdict in found.items() if verdict == "ignored"]
    reference = context.of_the_reference
    if ignored and reference is not None:  # what moves no parameter in the reference either need not
        theirs = effects(reference, ignored)
        ignored = [name for name in ignored if theirs.get(name) != "ignored"]
    for name in [name for name in ignored if OUTPUT & set(name.split("_"))]:
        ignored.remove(name)
        note(f"{name} moves no parameter, and is taken for one of what is printed")
    ignored, formats = _ignored_in_every_format(context, ignored)
    refused = [name for name, verdict in found.items() if verdict not in ("effect", "ignored")]
    also = f"; no other value of {', '.join(refused)} was accepted" if refused else ""
    if ignored:
        # A script for the first of them: five scripts in a message would not be read.
        with reproduced_by(context, lambda: _script(context, ignored[0])):
            raise Failed(
                f"{', '.join(ignored)}: no value that was tried changes a parameter in 8 steps, from any of the "
                f"{len(cases_of(context, every=True))} cases nor with another option changed as well ({formats}){also}",
                cause=f"ignored: {', '.join(ignored)}",
            )
    if len(refused) == len(found):
        raise NotApplicable(f"no value but the default was accepted for {', '.join(refused)}")


def _ignored_in_every_format(context: Context, ignored: list[str]) -> tuple[list[str], str]:
    """Those that no other format shows an effect of, as narrow ones do of an option of rounding; and what was tried."""
    tried, refusals = [best_dtype(context)], []
    for dtype in [d for d in FORMATS if d not in tried] if ignored else ():
        try:
            found = effects(context, ignored, dtype)
        except Failed:  # it does not step in this format; whether it must is for the check of that name
            refusals.append(dtype)
            continue
        tried.append(dtype)
        ignored = [name for name in ignored if found.get(name) != "effect"]
    told = f"tried in {', '.join(tried)}" + (f"; not in {', '.join(refusals)}, which it refuses" if refusals else "")
    return ignored, told


def _script(context: Context, option: str) -> list[str]:
    """Runs from a base in which the option changes what the reference does; without one, from the richest case."""
    name, runs = option.partition("[")[0], OptionRuns(context)
    theirs = (
        None
        if context.against is None
        else OptionRuns(dataclasses.replace(context, subject=subject_of(context.against.make, "")))
    )
    for base in ({**hyper} for hyper in (context.richest.hyper, *(base for base, _ in base_options(context)))):
        was = base.get(name, context.subject.options[name])
        for other in [value for part, value in other_values(was) if name + part == option]:
            changed = {**base, name: other}
            if runs(changed) is not None and (theirs is None or _differ(theirs(base), theirs(changed))):
                return _script_lines(context, base, name, (was, other))
    return []


def _differ(a: Snapshot | None, b: Snapshot | None) -> bool:
    return a is not None and b is not None and changed(a, b)


def _script_lines(context: Context, base: Hyper, name: str, values: tuple[Any, Any]) -> list[str]:
    rest = {n: value for n, value in base.items() if n != name}
    return [
        "ends = []",
        f"for {name} in {values!r}:",
        "    torch.manual_seed(0)",
        "    p = torch.nn.Parameter(torch.randn(8, dtype=torch.float64))",
        f"    optimizer = {constructor_call(context, {**rest, name: VariableName(name)})}",
        "    for size in (1.0, 10.0, 0.1, 1e-2, 1.0, 1e-2, 1e-3, 0.1):",
        "        p.grad = size * torch.randn(8) * torch.logspace(0, -9, 8, dtype=torch.float64)",
        "        optimizer.step()",
        "    ends.append(p.tolist())",
        f"assert ends[0] != ends[1], f'{name} changes nothing: {{ends[0]}} with either of {values!r}'",
    ]
