"""Gradients from 1e-4 down to 1e-12, where eps decides, agree."""

from __future__ import annotations

from ....compare.scenario import tiny
from ...context import Context, check
from ..reference_agreement import each_case_and_dtype, judge_agreement, the_reference


@check("T2", place=3)
def tiny_gradients(context: Context) -> None:
    the_reference(context)
    for case, dtype in each_case_and_dtype(context):
        judge_agreement(context, case, tiny(context.seed), dtype)
