"""Steps have derivatives by an lr or a weight_decay that is a tensor with a gradient, and leave p.grad alone."""

from __future__ import annotations

import functools

import torch

from .....scratch_impls import Case
from ...context import Context, check
from ...result import NotApplicable
from ..trials import at, cases_of
from ._gradcheck import DTYPE, end_of, judge_derivative, start_of, takes_differentiable, unless_the_reference

LEARNED = ("lr", "weight_decay")  # what classes with this option take as a tensor that has a gradient


@check("T8", place=2)
def learned_options(c: Context) -> None:
    takes_differentiable(c)
    pairs = [(case, name) for case in cases_of(c, every=True) for name in LEARNED]
    taken = [pair for pair in pairs if _learned(c, *pair) is not None]
    if not taken:
        raise NotApplicable(f"it takes no {' or '.join(LEARNED)} that is a tensor with a gradient")
    for case, name in taken:
        with at(case, DTYPE):
            unless_the_reference(c, case, functools.partial(_by, name))


def _by(name: str, c: Context, case: Case) -> None:
    learned = _learned(c, case, name)
    if learned is not None:
        start, rows = start_of(c)
        judge_derivative(c, {**case.hyper, "differentiable": True}, start, rows, **{name: learned})


def _learned(c: Context, case: Case, name: str) -> torch.Tensor | None:
    """The option as a tensor with a gradient; None where that is refused, so that nothing is to be judged."""
    value = case.hyper.get(name, c.subject.options.get(name))
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    start, rows = start_of(c)
    learned = torch.tensor(float(value) or 0.1, dtype=torch.float64, requires_grad=True)
    try:
        end_of(c, {**case.hyper, "differentiable": True, name: learned}, start, rows[:1], untouched=False)
    except (TypeError, ValueError, RuntimeError):
        return None
    return learned
