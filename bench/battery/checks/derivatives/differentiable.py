"""differentiable=True changes no step, and its derivatives by parameter and gradients are finite differences'."""

from __future__ import annotations

import functools

from .....scratch_impls import Case
from ...context import Context, check
from ..equal import same, tolerance
from ..script import made, shown_by
from ..trials import at, cases_of
from ._gradcheck import (
    DTYPE,
    STEPS,
    Hyper,
    end_of,
    judge_derivative,
    start_of,
    takes_differentiable,
    unless_the_reference,
)


@check("T8", place=1)
def differentiable(c: Context) -> None:
    takes_differentiable(c)
    for case in cases_of(c, every=True):  # an option alone decides which buffers a derivative goes through
        with at(case, DTYPE), shown_by(c, functools.partial(_derivative, c, case.hyper)):
            unless_the_reference(c, case, _step)


def _step(c: Context, case: Case) -> None:
    start, rows = start_of(c)
    judge_derivative(c, {**case.hyper, "differentiable": True}, start, rows)
    ours, plain = ({"p0.param": end_of(c, {**case.hyper, "differentiable": on}, start, rows)} for on in (True, False))
    what = f"step {STEPS} with differentiable=True, against False"
    cause = "differentiable=True changes a step"
    same(ours, plain, what, case=case, dtype=DTYPE, allowed=tolerance(DTYPE), cause=cause)


def _derivative(c: Context, hyper: Hyper) -> list[str]:
    return [
        "def end(p, *gradients):",
        "    p = p.clone()",
        f"    optimizer = {made(c, {**hyper, 'differentiable': True})}",
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
