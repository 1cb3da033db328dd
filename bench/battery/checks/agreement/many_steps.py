"""Sixty steps on the same gradients agree: outliers, missing gradients, tiny values, a change of lr.

What evaluates the loss finds hills and pits, where a line search does not end with its first guess.
"""

from __future__ import annotations

from ....compare.scenario import probe
from ...context import Context, check
from ..reference_agreement import each_case_and_dtype, judge_agreement, steps_of, the_reference


@check("T1", place=2)
def many_steps(context: Context) -> None:
    the_reference(context)
    for case, dtype in each_case_and_dtype(context):
        judge_agreement(context, case, probe(context.seed + 1, steps=steps_of(context), rugged=True), dtype)
