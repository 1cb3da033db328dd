"""A complex parameter steps as the real one that holds its real and imaginary parts.

Bug: pytorch#106951 (an accumulator adds g * g, whose real part may be negative). torch treats a complex number as two
real ones, so view_as_real of the same parameter is the reference.
Control: an Adagrad with that bug.
"""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, declared, parameters
from ..cases import best_dtype, cases_of
from ..differences import require_equal, tolerance
from ..faults import may_refuse

STEPS = 4


@check("T12", place=2, since="0.2")
def complex_numbers(context: Context) -> None:
    declared(context, "complex")
    dtype = best_dtype(context)
    with may_refuse(context, "complex", lambda make: _complex_run(context, make, context.cases[0], dtype, True)):
        _complex_run(context, context.subject.make, context.cases[0], dtype, True)
    for case in cases_of(context):
        ours, theirs = (_complex_run(context, context.subject.make, case, dtype, flag) for flag in (True, False))
        what = f"step {STEPS} of a complex parameter, against view_as_real"
        cause = "real and imaginary part are not treated as two numbers"
        require_equal(ours, theirs, what, case=case, dtype=dtype, allowed=tolerance(dtype), cause=cause)


def _complex_run(context: Context, make: Any, case: Case, dtype: str, is_complex: bool) -> dict[str, Any]:
    start = parameters(context.seed, ((4, 2),), dtype, context.device)[0].detach()
    params = [torch.nn.Parameter(torch.view_as_complex(start) if is_complex else start)]
    optimizer = make(params, **case.hyper)
    for step in range(STEPS):
        # A seed of its own for each step, away from that of the start.
        gradient = parameters(context.seed + 1000 + step, ((4, 2),), dtype, context.device)[0].detach()
        params[0].grad = torch.view_as_complex(gradient) if is_complex else gradient
        optimizer.step()
    return {"p0.param": torch.view_as_real(params[0].detach()) if is_complex else params[0].detach()}
