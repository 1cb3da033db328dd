"""Why float64 fails where float32 does not, in words. No checks here: it explains the failures of others."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from ..checks.runs import gradient_history, run, take_steps
from ..checks.state import named_state
from ..context import Check, Context, parameters
from ..result import RAISED, Failed
from .whose import Whose, whose

NARROW, WIDE = "float32", "float64"
ADVICE = f"where that is meant, judge it so: --dtype {NARROW} (dtypes=['{NARROW}'] in Python)"


def explained(check: Check, context: Context, fault: Failed) -> Failed:
    """The fault; where float64 shows more than float32 does and no convention explains it, that is said.

    Of a class that computes in float32, float64 shows nothing but that; its other mistakes are found in float32.
    """
    known = fault.cause and not fault.cause.startswith(RAISED)
    if known or fault.dtype == NARROW or not {NARROW, WIDE} <= set(context.dtypes):
        return fault
    try:
        check.function(dataclasses.replace(context, dtypes=(NARROW,)))
    except Failed as narrow:
        if narrow.cause and not narrow.cause.startswith(RAISED) and (inside := _computed_in_float32(context)):
            fault.cause = f"{narrow.cause}; and {inside}"
        return fault
    except (Exception, SystemExit):  # not applicable there, or an error: nothing is known of float32
        return fault
    if raised := _error_in_float64(context):
        fault.cause = f"it works in {NARROW} only: with parameters of {WIDE} a step raises {raised}"
    elif inside := _computed_in_float32(context):
        fault.cause = f"it is right in {NARROW} only: {inside}"
    fault.message = f"{fault.message}; in {NARROW} it passes: {ADVICE}"
    return fault


def _error_in_float64(context: Context) -> str:
    try:
        _two_steps(context)
    except Exception as error:
        return f"{type(error).__name__}: {error}" if whose(error, context) is Whose.SUBJECT else ""
    return ""


def _computed_in_float32(context: Context) -> str:
    """What shows that it does not compute in float64; "" where nothing does, such as a convention that is small."""
    try:
        if state := _narrow_state(context):
            return f"with parameters of {WIDE} its {state} is held in {NARROW}"
        if _blind(context, context.subject.make) and not (context.against and _blind(context, context.against.make)):
            return f"with parameters of {WIDE} something is not computed in {WIDE}"
    except Exception:  # a trial: whatever fails here is told by the check that fails
        return ""
    return ""


def _narrow_state(context: Context) -> str:
    """The name of a state tensor, as large as its parameter, that is narrower than it."""
    for name, value in _two_steps(context).items():
        # Not scalars: torch keeps its step counts in float32, whatever the parameter is.
        if isinstance(value, torch.Tensor) and value.dim() and value.dtype is torch.float32:
            return name.partition(".")[2]
    return ""


def _two_steps(context: Context) -> dict[str, object]:
    """The state of float64 parameters after two steps of the richest case."""
    params = parameters(context.seed, dtype=WIDE, device=context.device)
    optimizer = context.build(params, **_hyper(context))
    take_steps(optimizer, params, range(2), context.seed)
    return named_state(optimizer, params)


def _blind(context: Context, make: Any) -> bool:
    """Whether gradients that differ by less than float32 can tell give the same parameters, bit for bit."""
    ends = []
    for scale in (1.0, 1 + 1e-10):
        params = parameters(context.seed, dtype=WIDE, device=context.device)
        history = [[g * scale for g in row if g is not None] for row in gradient_history(context.seed, 3, params)]
        ends.append(run(make(params, **context.cases[0].hyper if context.cases else {}), params, history)[-1])
    return all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def _hyper(context: Context) -> dict[str, Any]:
    return dict(context.richest.hyper) if context.cases else {}
