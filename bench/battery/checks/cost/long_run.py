"""400 steps stay within the formula's bound, and the last of ten thousand tiny ones still has the right length.

Bugs: pytorch/ao#4915 (a count in bfloat16 stops at 256), timm#877 (one in uint8 wraps), kozistr#525 (averages begin
anew every 200 steps). 400 steps go beyond each; ten thousand, of one element, show an average that drifts slowly.
Controls: an optimizer with each of these bugs, and an SGD whose rate fades after 300 steps.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch

from .....scratch_impls import Case, as_shape
from ....compare.replay import replay
from ....compare.scenario import probe
from ...context import Context, check
from ...result import Failed
from ..cases import first_and_richest
from ..reproduction import constructor_call, parameter_line, reproduced_by, reproduction_of_gap


@check("T10", place=2)
def long_run(context: Context) -> None:
    case, dtype = context.richest, "float32" if "float32" in context.dtypes else context.dtypes[0]
    if context.spec is not None and context.against is not None:
        history = probe(context.seed, steps=100 if context.quick else 400, shapes=((3, 4), ()))
        gap = replay(
            context.spec, case.hyper, context.subject.make, context.against.make, history, dtype=dtype,
            device=context.device, states=(),
        ).first_failure()  # fmt: skip
        if gap is not None:
            shown = reproduction_of_gap(context.subject, case.hyper, history, gap, dtype)
            raise Failed(str(gap), case=case.name, dtype=dtype, reproduction=shown)
    # A count shows through slow averages, such as the defaults', or a decaying rate.
    for each in () if context.whole else first_and_richest(context):
        _judge_tiny_steps(context, each, 1000 if context.quick else 10_001)


def _judge_tiny_steps(context: Context, case: Case, steps: int) -> None:
    """One element and a gradient of 1e-3 or 5e-4 in turn, the last step's length held against the formula's.

    The last step starts from 0, so that it keeps all its digits.
    """
    dtype = "float64" if "float64" in context.dtypes else context.dtypes[0]
    shape = as_shape((1,), context.dims)
    params = [torch.nn.Parameter(torch.zeros(shape, dtype=getattr(torch, dtype), device=context.device))]
    optimizer = context.build(params, **case.hyper)
    grads = [torch.full_like(params[0], _tiny_gradient(step)) for step in (0, 1)]
    for step in range(steps):
        params[0].grad = grads[step % 2]
        if step == steps - 1:
            with torch.no_grad():
                params[0].zero_()
        optimizer.step()
    after = params[0].item()
    if not math.isfinite(after):
        with reproduced_by(
            context, functools.partial(_script, context, case, dtype, steps, "abs(p.item()) < float('inf')")
        ):
            raise Failed(f"p0[0] is {after} after {steps} steps of 1e-3", case=case.name, dtype=dtype)
    if context.spec is None:
        return
    hyper, value = context.spec.hyper(**case.hyper), np.zeros(shape) if context.dims else 0.0
    state = context.spec.start(value, hyper)
    for step in range(steps):
        value = 0 * value if step == steps - 1 else value
        value, state = context.spec.update(value, _tiny_gradient(step), state, step + 1, **hyper)
    value = float(np.sum(value))
    # The averages have lost digits to ten thousand roundings: 1e-10 in float64, and 1e-3 in float32 (1e4 u).
    allowed = (1e-6 if dtype == "float64" else 1e-2) * abs(value)
    if not abs(after - value) <= allowed:
        message = f"step {steps} moved p0[0] from 0 to {after!r}; the formula moves it to {value!r}"
        condition = f"abs(p.item() - {value!r}) <= {allowed!r}"
        with reproduced_by(context, functools.partial(_script, context, case, dtype, steps, condition)):
            raise Failed(message, case=case.name, dtype=dtype, cause="a count that stopped, or an average that drifts")


def _script(context: Context, case: Case, dtype: str, steps: int, condition: str) -> list[str]:
    return [
        parameter_line([0.0], dtype),
        f"optimizer = {constructor_call(context, case.hyper)}",
        f"for step in range({steps}):",
        f"    p.grad = torch.full_like(p, {_tiny_gradient(1)} if step % 2 else {_tiny_gradient(0)})",
        f"    p.data.mul_(step < {steps - 1})  # the last step begins at 0",
        "    optimizer.step()",
        f"assert {condition}, f'step {steps} ends at {{p.item()}}'",
    ]


def _tiny_gradient(step: int) -> float:
    return 1e-3 if step % 2 else 5e-4
