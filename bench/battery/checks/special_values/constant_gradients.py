"""Gradients that stay the same for 200 steps, from 1e-6 to 1e4 in size, leave parameters and state finite.

For the v - m^2 of a centered RMSprop, which rounds below 0 under its root once both averages have met one gradient:
torch's own gives NaN in float32. After 200 steps the first gradient's weight, 0.9^200, is below the roundoff; 64
sizes, since which of them round below 0 is chance. After steps that were as long as the reference's none is of another
length, and where they do not grow with the gradient, a switch does not make them grow with a root of it.
Control: torch's RMSprop, where this is a known defect.
"""

from __future__ import annotations

import functools

import torch

from .....scratch_impls import Case
from ....compare.replay import Factory
from ...context import Against, Context, check, parameters
from ...explanation.not_finite import End, first_end
from ...result import Failed, NotApplicable
from ..differences import require_finite
from ..questions import Questions
from ..reproduction import constructor_call, reproduced_by
from ..state import Values, named_values
from ._step_lengths import judge_step_lengths, judge_switches_keep_the_scale

STEPS = 200


@check("T13", place=3, since="0.2")
def constant_gradients(context: Context) -> None:
    if context.whole:
        raise NotApplicable("a step of it follows how gradients change, and these never do")
    questions = Questions()
    for case in context.cases:
        with questions.ask():
            _judge_finite(context, case, context.dtypes[0])
    for judge in (judge_step_lengths, judge_switches_keep_the_scale) if context.asks("0.3") else ():
        with questions.ask():
            judge(context)
    questions.conclude()


def _judge_finite(context: Context, case: Case, dtype: str) -> None:
    found = _after_constant_gradients(context, context.subject.make, case, dtype)
    try:
        with reproduced_by(context, functools.partial(_script, context, case, dtype)):
            require_finite(found, "after 200 steps of one gradient", "", case=case, dtype=dtype)
    except Failed as fault:
        end = _end(context, context.subject.make, case, dtype)
        fault.cause = end.cause if end else ""
        fault.message += f"; it begins with gradients of {_smallest(found):.2g}"
        if context.subject.listed or context.against is None:
            raise
        _excuse_if_the_reference_ends_so(context, context.against, case, dtype, fault, end)
        raise


def _excuse_if_the_reference_ends_so(
    context: Context, against: Against, case: Case, dtype: str, fault: Failed, end: End | None
) -> None:
    """NotApplicable where the reference ends in NaN too, for the same reason; another reason is told beside it."""
    theirs = _end(context, against.make, case, dtype)
    if theirs is None:  # its operations cannot be watched; how it ends can
        ends = _after_constant_gradients(context, against.make, case, dtype)
        if all(bool(torch.isfinite(v).all()) for v in ends.values() if isinstance(v, torch.Tensor)):
            return
        raise NotApplicable(f"{against.label}, which it is held against, gives NaN here too (case {case.name})")
    if end is None or end.reason == theirs.reason:
        raise NotApplicable(
            f"{against.label}, which it is held against, gives NaN here too (case {case.name}): {theirs.cause}"
        )
    fault.message += f"; {against.label}, which it is held against, after step {theirs.step}, by {theirs.reason}"


def _smallest(found: Values) -> float:
    """The smallest gradient of an element that is not finite."""
    sizes = torch.logspace(-6, 4, 64, dtype=torch.float64)
    alike = [v.detach().cpu().reshape(-1) for v in found.values() if isinstance(v, torch.Tensor) and v.numel() == 64]
    ended = [sizes[~torch.isfinite(v)] for v in alike]
    return float(min((part.min() for part in ended if len(part)), default=sizes[0]))


def _end(context: Context, make: Factory, case: Case, dtype: str) -> End | None:
    """After which step of the same gradients it is not finite, and by which operation."""
    params = parameters(context.seed, ((64,),), dtype, context.device)
    return first_end(make, case.hyper, params, lambda step: _give(params[0]), STEPS, state=True)


def _script(context: Context, case: Case, dtype: str) -> list[str]:
    return [
        f"p = torch.nn.Parameter(torch.zeros(64, dtype=torch.{dtype}))",
        f"optimizer = {constructor_call(context, case.hyper)}",
        "for _ in range(200):",
        "    p.grad = torch.logspace(-6, 4, 64).to(p.dtype)",
        "    optimizer.step()",
        "for name, value in {'the parameter': p, **optimizer.state[p]}.items():",
        "    assert value is None or torch.as_tensor(value).isfinite().all(), f'{name} is {value}'",
    ]


def _after_constant_gradients(context: Context, make: Factory, case: Case, dtype: str) -> Values:
    """Parameters and state after 200 steps of one gradient: 0.9^200 is below the roundoff, the averages have met."""
    params = parameters(context.seed, ((64,),), dtype, context.device)
    optimizer = make(params, **case.hyper)
    for _ in range(STEPS):
        _give(params[0])
        optimizer.step()
    return named_values(optimizer, params)


def _give(param: torch.nn.Parameter) -> None:
    sizes = torch.logspace(-6, 4, param.numel(), dtype=torch.float64)
    param.grad = sizes.to(param.device, param.dtype).view_as(
        param
    )  # made anew: who changes p.grad is another's business
