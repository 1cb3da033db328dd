"""Gradients from 1e-4 down to 1e-12, where eps decides, agree.

Bugs: pytorch#22628 #92551, optax#532, Paddle#28325, kozistr#480, all of them the place of eps. On gradients of N(0,
1) it cannot be told; at |g| = sqrt(eps) inside and outside the root differ by 1.41, below that by up to 1/sqrt(eps).
One magnitude an element, so that averages stay as small as the gradients.
Controls: an optimizer for each wrong place of eps, and one without eps.
"""

from __future__ import annotations

from ...context import Context, check
from ..histories import tiny
from ..reference_agreement import each_case_and_dtype, judge_agreement, the_reference


@check("T2", place=3, since="0.2")
def tiny_gradients(context: Context) -> None:
    the_reference(context)
    for case, dtype in each_case_and_dtype(context):
        # lr stays as it is: nothing but eps should be able to explain a difference here.
        judge_agreement(context, case, tiny(context, context.seed), dtype)
