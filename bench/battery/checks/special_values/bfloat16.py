"""In bfloat16 each step agrees with the reference within the formula's bound, and counters count beyond 256.

Bugs: pytorch#96106 (the step is rounded once more), pytorch/ao#4915 (bfloat16 has no 257, so that a step count held
in it stays at 256). Hence 270 steps for the counters, saved and loaded after 260. Agreement is judged as in float16.
Control: an SGD whose steps lose three bits.
"""

from __future__ import annotations

from ...context import Context, check
from ._low_precision import judge_low_precision


@check("T13", place=6, since="0.2")
def bfloat16(context: Context) -> None:
    judge_low_precision(context, "bfloat16")
