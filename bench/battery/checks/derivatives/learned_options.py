"""Steps have derivatives by an lr or a weight_decay that is a tensor with a gradient, and leave p.grad alone.

For training lr or weight decay through the steps, as in meta-learning. Bug: torch 2.13's ASGD reads a tensor lr as a
number, so that its derivative is lost.
Control: an SGD that does the same.
"""

from __future__ import annotations

import functools

import torch

from .....scratch_impls import Case
from ...context import Context, check
from ...result import NotApplicable
from ..cases import cases_of
from ..faults import reported_at
from ._gradcheck import (
    DTYPE,
    end_of_run,
    judge_derivative,
    judge_unless_by_design,
    require_differentiable,
    start_and_gradients,
)

LEARNED = ("lr", "weight_decay")  # what classes with this option take as a tensor that has a gradient


@check("T8", place=2, since="0.2")
def learned_options(context: Context) -> None:
    require_differentiable(context)
    pairs = [(case, name) for case in cases_of(context, every=True) for name in LEARNED]
    accepted = [pair for pair in pairs if _learned_value(context, *pair) is not None]
    if not accepted:
        raise NotApplicable(f"it takes no {' or '.join(LEARNED)} that is a tensor with a gradient")
    for case, name in accepted:
        with reported_at(case, DTYPE):
            judge_unless_by_design(context, case, functools.partial(_judge_derivative_by, name))


def _judge_derivative_by(name: str, context: Context, case: Case) -> None:
    learned = _learned_value(context, case, name)
    if learned is not None:
        start, rows = start_and_gradients(context)
        judge_derivative(context, {**case.hyper, "differentiable": True}, start, rows, **{name: learned})


def _learned_value(context: Context, case: Case, name: str) -> torch.Tensor | None:
    """The option as a tensor with a gradient; None where that is refused, so that nothing is to be judged."""
    value = case.hyper.get(name, context.subject.options.get(name))
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    start, rows = start_and_gradients(context)
    # At 0 many classes leave the term of weight decay out, and with it the derivative.
    learned = torch.tensor(float(value) or 0.1, dtype=torch.float64, requires_grad=True)
    try:
        end_of_run(context, {**case.hyper, "differentiable": True, name: learned}, start, rows[:1], untouched=False)
    except (TypeError, ValueError, RuntimeError):
        return None
    return learned
