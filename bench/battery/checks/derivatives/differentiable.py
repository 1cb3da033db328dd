"""differentiable=True changes no step, and its derivatives by parameter and gradients are finite differences'.

Bugs: timm's SGDW takes the option and steps without derivatives all the same; torch 2.13's Rprop changes in place
what the derivative needs. Three steps, so that a derivative also goes through the state.
Controls: an SGD with each of these; and the same run with differentiable=False, whose steps must be equal.
"""

from __future__ import annotations

import functools

from .....scratch_impls import Case
from ...context import Context, check
from ..cases import cases_of
from ..differences import require_equal, tolerance
from ..faults import reported_at
from ..reproduction import constructor_call, reproduced_by
from ._gradcheck import (
    DTYPE,
    STEPS,
    Hyper,
    end_of_run,
    judge_derivative,
    judge_unless_by_design,
    require_differentiable,
    start_and_gradients,
)


@check("T8", place=1, since="0.2")
def differentiable(context: Context) -> None:
    require_differentiable(context)
    for case in cases_of(context, every=True):  # an option alone decides which buffers a derivative goes through
        with (
            reported_at(case, DTYPE),
            reproduced_by(context, functools.partial(_gradcheck_script, context, case.hyper)),
        ):
            judge_unless_by_design(context, case, _judge_case)


def _judge_case(context: Context, case: Case) -> None:
    start, rows = start_and_gradients(context)
    judge_derivative(context, {**case.hyper, "differentiable": True}, start, rows)
    ours, plain = (
        {"p0.param": end_of_run(context, {**case.hyper, "differentiable": on}, start, rows)} for on in (True, False)
    )
    what = f"step {STEPS} with differentiable=True, against False"
    cause = "differentiable=True changes a step"
    require_equal(ours, plain, what, case=case, dtype=DTYPE, allowed=tolerance(DTYPE), cause=cause)


def _gradcheck_script(context: Context, hyper: Hyper) -> list[str]:
    return [
        "def end(p, *gradients):",
        "    p = p.clone()",
        f"    optimizer = {constructor_call(context, {**hyper, 'differentiable': True})}",
        "    for g in gradients:",
        "        p.grad = g.clone()",
        "        optimizer.step()",
        "    return p",
        "given = [torch.randn(3, dtype=torch.float64, requires_grad=True) for _ in range(3)]",
        "try:",
        "    right = torch.autograd.gradcheck(end, given, raise_exception=False)",
        "except RuntimeError as error:",
        "    right = False",
        "assert right, 'the derivative of three steps is wrong, or cannot be had'",
    ]
