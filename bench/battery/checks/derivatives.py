"""Steps that are differentiated, by who learns a start, a rate or a decay from where the steps lead.

Judged in float64, in which finite differences are right to four digits and more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.autograd.gradcheck import GradcheckError, gradcheck

from ....scratch_impls import Case
from ..context import Context, check, parameters
from .equal import same, tolerance
from ..result import Failed, NotApplicable
from .script import made, shown_by
from .trials import at, cases_of, history, unless_by_design

STEPS = 3
LEARNED = ("lr", "weight_decay")  # what classes with this option take as a tensor that has a gradient
DTYPE = "float64"

Hyper = Mapping[str, Any]


@check("T8")
def differentiable(c: Context) -> None:
    """differentiable=True changes no step, and its derivatives by parameter and gradients are finite differences'."""
    _takes_it(c)
    for case in cases_of(c, every=True):  # an option alone decides which buffers a derivative goes through
        with at(case, DTYPE), shown_by(c, functools.partial(_derivative, c, case.hyper)):
            _unless_the_reference(c, case, _step)


@check("T8")
def learned_options(c: Context) -> None:
    """Steps have derivatives by an lr or a weight_decay that is a tensor with a gradient, and leave p.grad alone."""
    _takes_it(c)
    pairs = [(case, name) for case in cases_of(c, every=True) for name in LEARNED]
    taken = [pair for pair in pairs if _learned(c, *pair) is not None]
    if not taken:
        raise NotApplicable(f"it takes no {' or '.join(LEARNED)} that is a tensor with a gradient")
    for case, name in taken:
        with at(case, DTYPE):
            _unless_the_reference(c, case, functools.partial(_by, name))


def _takes_it(c: Context) -> None:
    if "differentiable" not in c.subject.execution:
        raise NotApplicable("it has no option differentiable")


def _unless_the_reference(c: Context, case: Case, judge: Callable[[Context, Case], None]) -> None:
    """Who extends or copies a class of torch has its defects, which are no fault of theirs."""
    theirs = c.of_the_reference
    (unless_by_design if theirs and "differentiable" in theirs.subject.execution else _alone)(c, case, judge)


def _alone(c: Context, case: Case, judge: Callable[[Context, Case], None]) -> None:
    judge(c, case)


def _step(c: Context, case: Case) -> None:
    start, rows = _start(c)
    _judge(c, {**case.hyper, "differentiable": True}, start, rows)
    ours, plain = ({"p0.param": _end(c, {**case.hyper, "differentiable": on}, start, rows)} for on in (True, False))
    what = f"step {STEPS} with differentiable=True, against False"
    cause = "differentiable=True changes a step"
    same(ours, plain, what, case=case, dtype=DTYPE, allowed=tolerance(DTYPE), cause=cause)


def _by(name: str, c: Context, case: Case) -> None:
    learned = _learned(c, case, name)
    if learned is not None:
        start, rows = _start(c)
        _judge(c, {**case.hyper, "differentiable": True}, start, rows, **{name: learned})


def _learned(c: Context, case: Case, name: str) -> torch.Tensor | None:
    """The option as a tensor with a gradient; None where that is refused, so that nothing is to be judged."""
    value = case.hyper.get(name, c.subject.options.get(name))
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    start, rows = _start(c)
    learned = torch.tensor(float(value) or 0.1, dtype=torch.float64, requires_grad=True)
    try:
        _end(c, {**case.hyper, "differentiable": True, name: learned}, start, rows[:1], untouched=False)
    except (TypeError, ValueError, RuntimeError):
        return None
    return learned


def _start(c: Context) -> tuple[torch.Tensor, list[torch.Tensor]]:
    start = parameters(c.seed, ((3, 2),), DTYPE, c.device)[0].detach()
    return start, [row[0] for row in history(c.seed, STEPS, [start]) if row[0] is not None]


def _end(
    c: Context, hyper: Hyper, start: torch.Tensor, rows: Sequence[torch.Tensor], *, untouched: bool = True
) -> torch.Tensor:
    """Where a step for each gradient leads; a function of all tensors that are given."""
    p = start.clone() if hyper["differentiable"] else torch.nn.Parameter(start.clone())
    optimizer = c.build([p], **hyper)
    for gradient in rows:
        p.grad = gradient.clone()
        optimizer.step()
        if untouched and not torch.equal(p.grad, gradient):
            raise Failed("with differentiable=True p.grad is another after a step", cause="p.grad is changed in place")
    return p


def _judge(
    c: Context, hyper: Hyper, start: torch.Tensor, rows: Sequence[torch.Tensor], **learned: torch.Tensor
) -> None:
    """By torch's gradcheck, with its own tolerances: a wrong derivative has no digit right."""

    def led_to(start: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return _end(c, {**hyper, **dict(zip(learned, others[STEPS:], strict=True))}, start, others[:STEPS])

    inputs = [value.detach().clone().requires_grad_() for value in (start, *rows, *learned.values())]
    by = next(iter(learned), "the parameter and the gradients")
    try:
        gradcheck(led_to, inputs, fast_mode=True)
    except GradcheckError as error:
        said = f"the derivative of {STEPS} steps by {by} is not that of finite differences"
        raise Failed(f"{said}: {_shortly(error)}", cause="a derivative is wrong") from error
    except RuntimeError as error:
        if "needed for gradient computation" not in str(error):
            raise
        said = f"{STEPS} steps cannot be differentiated by {by}: {_shortly(error)}"
        raise Failed(said, cause="it changes in place what derivatives need") from error


def _shortly(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


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
