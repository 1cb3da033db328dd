"""Every single step agrees, whatever came before: the parameters are set equal after each.

Bugs: mxnet#8925 #9363, keras#19051, transformers#14539, jettify#454 #443, kozistr#308, mlx#1640, Paddle#12231,
geoopt#164. With equal parameters before each step the gap is one step's rounding, which the formula's computed bound
holds: wrong conventions were measured to stand 7e5 bounds above it or more. What drifts is for many-steps.
Parameters that are all zero, as biases begin, must move as well (SimCLR#27).
Controls: an optimizer with each of these bugs.
"""

from __future__ import annotations

from ...context import Context, check
from ..histories import probe
from ..reference_agreement import each_case_and_dtype, judge_agreement, steps_of, the_reference
from ._zero_start import judge_zero_start


@check("T1", place=1, since="0.2")
def one_step(context: Context) -> None:
    the_reference(context)
    for case, dtype in each_case_and_dtype(context):
        # In lockstep only the parameters are set equal; each side keeps the state that it made itself.
        judge_agreement(context, case, probe(context, context.seed, steps=steps_of(context)), dtype, lockstep=True)
        if context.asks("0.3") and not context.whole:
            judge_zero_start(context, case, dtype)
