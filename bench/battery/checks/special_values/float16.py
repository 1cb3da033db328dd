"""In float16 each step agrees with the reference within the formula's bound, and counters keep counting."""

from __future__ import annotations

from ...context import Context, check
from ._low_precision import judge_low_precision


@check("T13", place=5)
def float16(context: Context) -> None:
    judge_low_precision(context, "float16")
