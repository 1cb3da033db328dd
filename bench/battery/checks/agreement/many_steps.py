"""Sixty steps on the same gradients agree: outliers, missing gradients, tiny values, a change of lr.

Bugs: mxnet#15533 (lr stands inside the velocity), and state that fades, which setting the parameters equal would
hide. Where lr stands shows only after a change: measured 9.1 times the right step after lr / 10 with momentum 0.9. So
lr falls to a tenth and comes back, and is 0 in one step, as at the start of a warm-up. What evaluates the loss finds
hills and pits, where a line search does not end with its first guess.
Controls: an optimizer with each of these, and an Adagrad that loses a millionth at every step.
"""

from __future__ import annotations

from ...context import Context, check
from ..histories import probe
from ..reference_agreement import each_case_and_dtype, judge_agreement, steps_of, the_reference


@check("T1", place=2, since="0.2")
def many_steps(context: Context) -> None:
    the_reference(context)
    for case, dtype in each_case_and_dtype(context):
        # Another seed than that of one-step: a history in which a mistake happens not to show is not used twice.
        judge_agreement(context, case, probe(context, context.seed + 1, steps=steps_of(context), rugged=True), dtype)
