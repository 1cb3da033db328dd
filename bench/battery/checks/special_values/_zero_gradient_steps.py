"""Steps on gradients of zero, and one on an ordinary gradient after them: finite, still, and as the reference's."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch

from .....scratch_impls import Case
from ....compare.replay import Factory
from ...context import Context, parameters
from ..differences import require_equal, require_finite, tolerance, values_difference
from ..reproduction import constructor_call, parameter_line, reproduced_by, step_lines
from ..runs import take_steps
from ..state import Values, named_values, options_of, params_in

STEPS = 3
ZERO_BY_ZERO = "0/0: eps is missing, or underflows"


def judge_zero_gradients(context: Context, dtype: str, cases: list[Case]) -> None:
    after = f"after {STEPS} steps of zero gradients"
    for case in cases:
        if case.hyper.get("eps", 1) == 0:
            continue  # 0/0 is what such a case asks for
        where: dict[str, Any] = {"case": case, "dtype": dtype}
        with reproduced_by(context, functools.partial(_script, context, case, dtype)):
            start, rested, ours, decays = _run_on_zeros(context, context.subject.make, case, dtype)
            require_finite(ours, f"{after} and one of N(0, 1)", ZERO_BY_ZERO, **where)
            theirs: Values = {}
            if context.against is not None:
                _, their_rest, their_end, _ = _run_on_zeros(context, context.against.make, case, dtype)
                theirs, decays = params_in(their_end), decays or bool(values_difference(their_rest, start))
            if not decays:
                # A rule that goes between two points may round the parameter once a step, which is no motion.
                allowed = STEPS * torch.finfo(getattr(torch, dtype)).eps
                require_equal(rested, start, f"moved without weight decay {after}", allowed=allowed, **where)
            if context.against is not None and all(bool(torch.isfinite(value).all()) for value in theirs.values()):
                what = f"{after} and one of N(0, 1), against the reference"
                require_equal(params_in(ours), theirs, what, allowed=tolerance(dtype), **where)


def _script(context: Context, case: Case, dtype: str) -> list[str]:
    """What is expected comes from the reference; without one, zeros move nothing unless some option decays."""
    steps = [0.0] * STEPS + [1.0]
    expected = [1.0] * STEPS if not _run_on_zeros(context, context.subject.make, case, dtype)[3] else []
    if context.against is not None:
        theirs = _values_after_each_step(context.against.make, case, dtype, steps)
        expected = theirs if all(math.isfinite(x) for x in theirs) else expected
    return [
        parameter_line([1.0], dtype),
        f"optimizer, found = {constructor_call(context, case.hyper)}, []",
        *step_lines(steps),
        "    found.append(p.item())",
        f"expected = {expected!r}",
        "assert all(abs(x) < float('inf') for x in found), f'{found} is not finite'",
        f"near = [abs(a - b) <= {tolerance(dtype)!r} * (1 + abs(b)) for a, b in zip(found, expected)]",
        "assert all(near), f'{found}, expected {expected}'",
    ]


def _values_after_each_step(make: Factory, case: Case, dtype: str, steps: list[float]) -> list[float]:
    """Where a parameter that begins at 1 stands after each gradient."""
    p = torch.nn.Parameter(torch.ones(1, dtype=getattr(torch, dtype)))
    optimizer, found = make([p], **case.hyper), []
    for gradient in steps:
        p.grad = torch.full_like(p, gradient)
        optimizer.step()
        found.append(p.item())
    return found


def _run_on_zeros(context: Context, make: Any, case: Case, dtype: str) -> tuple[Values, Values, Values, bool]:
    """Parameters at the start and after the zeros, everything at the end, and whether some option decays something."""
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer = make(params, **case.hyper)
    start = params_in(named_values(optimizer, params))
    for p in params:
        p.grad = torch.zeros_like(p)
    for _ in range(STEPS):
        optimizer.step()
    rested = params_in(named_values(optimizer, params))
    # By name, whatever a class calls it. One that is taken for decay by mistake is judged by the reference alone.
    decays = any("decay" in name and bool(value) for name, value in {**case.hyper, **options_of(optimizer)}.items())
    take_steps(optimizer, params, range(STEPS, STEPS + 1), context.seed)
    return start, rested, named_values(optimizer, params), decays
