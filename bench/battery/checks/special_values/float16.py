"""In float16 each step agrees with the reference within the formula's bound, and counters keep counting.

For steps that round oftener than the formula, as by a square that is rounded before it is averaged. Step by step,
with equal parameters before each: over many steps right implementations drift apart by 12 % of the way moved.
Control: an RMSprop whose squares lose three bits.
"""

from __future__ import annotations

from ...context import Context, check
from ._low_precision import judge_low_precision


@check("T13", place=5, since="0.2")
def float16(context: Context) -> None:
    judge_low_precision(context, "float16")
