"""Why float64 fails where float32 does not, in words. No checks here: it explains the failures of others."""

from __future__ import annotations

import dataclasses

import torch

from ..context import Check, Context, parameters
from ..result import Failed, NotApplicable, NotDeclared
from .runs import take_steps
from .state import named_state

NARROW, WIDE = "float32", "float64"
ADVICE = f"where that is meant, judge it so: --dtype {NARROW} (dtypes=['{NARROW}'] in Python)"


def likely_cause(check: Check, context: Context, fault: Failed) -> str:
    """The cause of a failure that float64 alone shows; "" for any other, and where another cause is known."""
    # "it raised" names an exception, no cause.
    known = fault.cause and not fault.cause.startswith("it raised")
    if known or fault.dtype == NARROW or not {NARROW, WIDE} <= set(context.dtypes):
        return ""
    if not _passes(check, dataclasses.replace(context, dtypes=(NARROW,))):
        return ""
    if raised := _error_in_float64(context):
        return f"it works in {NARROW} only: with parameters of {WIDE} a step raises {raised}"
    if state := _narrow_state(context):
        return f"it is right in {NARROW} only: with parameters of {WIDE} its {state} is held in {NARROW}"
    return f"it is right in {NARROW} only: with parameters of {WIDE} something is not computed in {WIDE}"


def _passes(check: Check, context: Context) -> bool:
    try:
        check.function(context)
    except (NotApplicable, NotDeclared):
        return False
    except (Exception, SystemExit):
        return False
    return True


def _error_in_float64(context: Context) -> str:
    try:
        _two_steps(context)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
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
    optimizer = context.build(params, **(context.richest.hyper if context.cases else {}))
    take_steps(optimizer, params, range(2), context.seed)
    return named_state(optimizer, params)
