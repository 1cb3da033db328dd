"""In 60 steps the loss of a quadratic and a regression falls by a tenth, at the default lr or one of three.

The bluntest check: of 69 injected bugs "the loss went down" found 9. Without a reference it is all that tells a step
uphill from one downhill. Sixty steps for a tenth of the loss, since no rule suits every lr. Three steps of what
evaluates the loss itself, up to twenty times in each.
Controls: an SGD that goes uphill, and an AdamW that leaves grad mode off, so that the loss has no gradient.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed
from ..faults import unless_by_design

# Descent at one of these, or at the default, is all that is asked: no rule suits every lr.
RATES = (1e-3, 1e-2, 1e-1)
STEPS, MANY = 60, 600


@check("T1", place=3, since="0.2")
def descends(context: Context) -> None:
    unless_by_design(context, context.cases[0], _judge_descent)


def _judge_descent(context: Context, case: Case) -> None:
    dtype = context.dtypes[0]
    rates: list[float | None] = [None, *RATES]
    if "lr" not in context.subject.options and "lr" not in case.hyper:
        rates = [None]
    for name, problem in (("quadratic", _quadratic), ("regression", _regression)):
        losses = []
        # Many steps and a start away from 0 only where sixty tell nothing: for a rate that warms up, or is relative to
        # the parameter.
        for steps, rate in itertools.product((STEPS,) if context.whole else (STEPS, MANY), rates):
            first, last = problem(context, {**case.hyper, **({} if rate is None else {"lr": rate})}, dtype, steps)
            what = "the default lr" if rate is None else f"lr {rate:g}"
            losses.append(f"{what}, {steps} steps: {first:.3g} -> {last:.3g}")
            if last <= 0.9 * first:
                break
        else:
            message = f"the loss of the {name} did not fall ({'; '.join(losses)})"
            raise Failed(message, case=case.name, dtype=dtype, cause="the step goes uphill, or nowhere")


def _quadratic(context: Context, hyper: Any, dtype: str, steps: int) -> tuple[float, float]:
    params = parameters(context.seed, ((3,),), dtype, context.device)
    # A condition of 10, so that a rate which suits one direction does not suit all.
    curvature = torch.logspace(0, 1, params[0].numel(), dtype=getattr(torch, dtype), device=context.device)
    return _train(context, hyper, params, lambda: (curvature * params[0].reshape(-1) ** 2).sum() / 2, steps)


def _regression(context: Context, hyper: Any, dtype: str, steps: int) -> tuple[float, float]:
    params = parameters(context.seed, ((4,), ()), dtype, context.device)
    generator, kind = torch.Generator().manual_seed(context.seed + 1), getattr(torch, dtype)
    x = torch.randn(32, params[0].numel(), generator=generator, dtype=torch.float64).to(context.device, kind)
    noise = torch.randn(32, generator=generator, dtype=torch.float64).to(context.device, kind)
    y = x.sum(1) + 0.1 * noise  # weights of 1 and a little noise, from a start at 0: there is something to learn
    with torch.no_grad():
        for p in params if steps == STEPS else ():
            p.zero_()
    return _train(
        context, hyper, params, lambda: ((x @ params[0].reshape(-1) + params[1].mean() - y) ** 2).mean(), steps
    )


def _train(
    context: Context, hyper: Any, params: list[torch.nn.Parameter], loss: Any, steps: int
) -> tuple[float, float]:
    optimizer = context.build(params, **hyper)
    first = loss().item()

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    for _ in range(3 if context.whole else steps):
        if context.whole:  # by the loss that it evaluates, up to twenty times a step
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    return first, loss().item()
