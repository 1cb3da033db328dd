"""Gradients that stay the same for 200 steps, from 1e-6 to 1e4 in size, leave parameters and state finite.

For the v - m^2 of a centered RMSprop, which rounds below 0 under its root once both averages have met one gradient:
torch's own gives NaN in float32. After 200 steps the first gradient's weight, 0.9^200, is below the roundoff; 64
sizes, since which of them round below 0 is chance. The first steps are as long as the reference's, and where they do
not grow with the gradient, a switch does not make them grow with a root of it.
Control: torch's RMSprop, where this is a known defect.
"""

from __future__ import annotations

import functools

import torch

from .....scratch_impls import Case
from ....compare.replay import Factory
from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..differences import require_finite
from ..reproduction import constructor_call, reproduced_by
from ..state import Values, named_values
from ._step_lengths import judge_step_lengths, judge_switches_keep_the_scale


@check("T13", place=3)
def constant_gradients(context: Context) -> None:
    if context.whole:
        raise NotApplicable("a step of it follows how gradients change, and these never do")
    dtype = context.dtypes[0]
    cause = "a difference of two averages rounds below 0 under the root"
    for case in context.cases:
        found = _after_constant_gradients(context, context.subject.make, case, dtype)
        try:
            with reproduced_by(context, functools.partial(_script, context, case, dtype)):
                require_finite(found, "after 200 steps of one gradient", cause, case=case, dtype=dtype)
        except Failed:
            if context.subject.listed or context.against is None:
                raise
            theirs = _after_constant_gradients(context, context.against.make, case, dtype)
            if all(bool(torch.isfinite(v).all()) for v in theirs.values() if isinstance(v, torch.Tensor)):
                raise
            reason = (
                f"{context.against.label}, which it is held against, gives NaN here too (case {case.name}): {cause}"
            )
            raise NotApplicable(reason) from None
    judge_step_lengths(context)
    judge_switches_keep_the_scale(context)


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
    sizes = (
        torch.logspace(-6, 4, params[0].numel(), dtype=torch.float64)
        .to(context.device, params[0].dtype)
        .view_as(params[0])
    )
    for _ in range(200):
        params[0].grad = sizes.clone()  # a class that changes p.grad is another check's business
        optimizer.step()
    return named_values(optimizer, params)
