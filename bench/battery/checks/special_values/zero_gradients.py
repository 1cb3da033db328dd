"""Gradients of zero from the start, and then an ordinary one, leave all finite, and as the reference has it.

Bug: optax#1754 (0/0 where eps does not reach the divisor). Rows of an embedding and dead units have gradients of zero
from the start. Three steps, then one of N(0, 1), which shows what the zeros left in the state. Zeros may move a
parameter by weight decay alone; a case whose eps is 0 asks for 0/0 and is left out.
Control: an Adagrad with that bug.
"""

from __future__ import annotations

from ...context import Context, check
from ..cases import best_dtype, cases_of
from ._zero_gradient_steps import judge_zero_gradients


@check("T13", place=2, since="0.2")
def zero_gradients(context: Context) -> None:
    # Twenty iterations end apart by more than their last digits in float32.
    for dtype in (best_dtype(context),) if context.whole else context.dtypes:
        judge_zero_gradients(context, dtype, cases_of(context))
