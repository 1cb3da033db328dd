"""A parameter whose gradients begin five steps late agrees with the reference's, which begins then."""

from __future__ import annotations

from ....compare.scenario import probe
from ...context import Context, check
from ..reference_agreement import each_case_and_dtype, judge_agreement, the_reference


@check("T7", place=4)
def late_parameters(context: Context) -> None:
    the_reference(context)
    for case, dtype in each_case_and_dtype(context):
        judge_agreement(context, case, probe(context.seed + 2, steps=15, late=True), dtype)
