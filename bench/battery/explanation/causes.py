"""The likely cause of a failure, where what the check itself says may be a consequence of something simpler."""

from __future__ import annotations

from ..context import Check, Context
from ..result import Failed
from . import float32_only, not_finite


def explained(check: Check, context: Context, fault: Failed) -> Failed:
    """The fault with the cause that explains most: no finite numbers at all, then what it has, then float32 inside."""
    if cause := not_finite.cause_in_ordinary_steps(context, fault.case):
        fault.cause, fault.reproduction = cause, ""
        return fault
    return float32_only.explained(check, context, fault)
