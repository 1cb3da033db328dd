"""The derivative of a run of steps, by torch.autograd.gradcheck: by its start, its gradients, or a learned option.

Whoever trains a start, a rate or a decay through the steps (meta-learning) needs it right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.autograd.gradcheck import GradcheckError, gradcheck

from .....scratch_impls import Case
from ...context import Context, parameters
from ...result import Failed, NotApplicable
from ..faults import unless_by_design
from ..runs import gradient_history

STEPS = 3  # from the second step on a derivative also goes through the state
DTYPE = "float64"  # in which finite differences are right to four digits and more

Hyper = Mapping[str, Any]


def require_differentiable(context: Context) -> None:
    if "differentiable" not in context.subject.execution:
        raise NotApplicable("it has no option differentiable")


def judge_unless_by_design(context: Context, case: Case, judge: Callable[[Context, Case], None]) -> None:
    """Who extends or copies a class of torch has its defects, which are no fault of theirs."""
    theirs = context.of_the_reference
    if theirs and "differentiable" in theirs.subject.execution:
        unless_by_design(context, case, judge)
    else:
        judge(context, case)


def start_and_gradients(context: Context) -> tuple[torch.Tensor, list[torch.Tensor]]:
    start = parameters(context.seed, ((3, 2),), DTYPE, context.device)[0].detach()
    return start, [row[0] for row in gradient_history(context.seed, STEPS, [start]) if row[0] is not None]


def end_of_run(
    context: Context, hyper: Hyper, start: torch.Tensor, rows: Sequence[torch.Tensor], *, untouched: bool = True
) -> torch.Tensor:
    """Where a step for each gradient leads; a function of all tensors that are given."""
    # A clone and no Parameter: a leaf would end the derivative by the start there.
    p = start.clone() if hyper["differentiable"] else torch.nn.Parameter(start.clone())
    optimizer = context.build([p], **hyper)
    for gradient in rows:
        p.grad = gradient.clone()
        optimizer.step()
        if untouched and not torch.equal(p.grad, gradient):
            raise Failed(
                "with differentiable=True a step changes the values of p.grad", cause="p.grad is changed in place"
            )
    return p


def judge_derivative(
    context: Context, hyper: Hyper, start: torch.Tensor, rows: Sequence[torch.Tensor], **learned: torch.Tensor
) -> None:
    """By torch's gradcheck, with its own tolerances: a wrong derivative has no digit right."""

    def end_of_steps(start: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return end_of_run(context, {**hyper, **dict(zip(learned, others[STEPS:], strict=True))}, start, others[:STEPS])

    inputs = [value.detach().clone().requires_grad_() for value in (start, *rows, *learned.values())]
    by = next(iter(learned), "the parameter and the gradients")
    try:
        # fast_mode looks along one random direction; a wrong derivative is wrong along almost all.
        gradcheck(end_of_steps, inputs, fast_mode=True)
    except GradcheckError as error:
        what = f"the derivative of {STEPS} steps by {by} is not that of finite differences"
        raise Failed(f"{what}: {first_line(error)}", cause="a derivative is wrong") from error
    except RuntimeError as error:
        if "needed for gradient computation" not in str(error):
            raise
        what = f"{STEPS} steps cannot be differentiated by {by}: {first_line(error)}"
        raise Failed(what, cause="it changes in place what derivatives need") from error


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
