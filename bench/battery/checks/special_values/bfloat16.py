"""In bfloat16 each step agrees with the reference within the formula's bound, and counters count beyond 256."""

from __future__ import annotations

from ...context import Context, check
from ._low_precision import judge_low_precision


@check("T13", place=6)
def bfloat16(context: Context) -> None:
    judge_low_precision(context, "bfloat16")
