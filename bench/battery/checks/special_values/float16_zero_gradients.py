"""Zero gradients in float16 leave everything finite, although an eps of 1e-8 is 0 there."""

from __future__ import annotations

from ...context import Context, check, declared
from ._finite import judge_zeros
from ._narrow import within_range


@check("T13", place=7)
def float16_zero_gradients(context: Context) -> None:
    declared(context, "float16")
    within_range(context, "float16")
    judge_zeros(context, "float16", [context.cases[0]])
