"""The likely cause of a failure, where what the check itself says may be a consequence of something simpler."""

from __future__ import annotations

from ..context import Check, Context
from ..result import Failed
from . import float32_only, not_finite


def explained(check: Check, context: Context, fault: Failed) -> Failed:
    """The fault with the cause that explains most: no finite numbers at all, then what it has, then float32 inside."""
    if end := not_finite.in_ordinary_steps(context, fault.case):
        # What the check saw compares NaN with something, and tells nothing (issue 14, kind 21).
        if fault.cause == end.cause:  # it was seen there, and told better
            return fault
        fault.cause = end.cause
        fault.message = (
            f"NaN or inf after step {end.step} of ordinary gradients, N(0, 1): nothing else can be told of it"
        )
        return fault
    return float32_only.explained(check, context, fault)
