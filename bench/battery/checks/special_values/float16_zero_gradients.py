"""Zero gradients in float16 leave everything finite, although an eps of 1e-8 is 0 there.

Bug: pytorch#96755. The least number of float16 is 6e-8, so that an eps of 1e-8 is 0, and a gradient of zero gives
0/0, in torch's Adam, RMSprop and Adagrad too, where it is a known defect. The first case alone: it has the default
eps.
Control: a plain Adam, which is right everywhere else.
"""

from __future__ import annotations

from ...context import Context, check, declared
from ._low_precision import require_range
from ._zero_gradient_steps import judge_zero_gradients


@check("T13", place=7, since="0.2")
def float16_zero_gradients(context: Context) -> None:
    declared(context, "float16")
    require_range(context, "float16")
    judge_zero_gradients(context, "float16", [context.cases[0]])
