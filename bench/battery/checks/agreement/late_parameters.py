"""A parameter whose gradients begin five steps late agrees with the reference's, which begins then.

For a bias correction that counts the steps of the optimizer instead of the parameter's: a layer that is unfrozen late
would start as if it had been averaged all along. Held against the reference; late-start needs none.
Control: an Adam that counts so.
"""

from __future__ import annotations

from ...context import Context, check, not_by_design
from ..histories import probe
from ..reference_agreement import each_case_and_dtype, judge_agreement, the_reference


@check("T7", place=4, since="0.2")
def late_parameters(context: Context) -> None:
    the_reference(context)
    not_by_design(context, "group-state")
    for case, dtype in each_case_and_dtype(context):
        # Its first step is the sixth of the optimizer: a shared count divides v by 1 - 0.999^6 instead of 1 - 0.999.
        judge_agreement(context, case, probe(context, context.seed + 2, steps=15, late=True), dtype)
