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

from .....scratch_impls import Case, Spec
from ....compare.diagnose import likely_cause
from ....compare.replay import replay
from ...context import Context, check, fitted, note
from ...result import Failed
from ..agreement._zero_start import STAYS_ZERO
from ..cases import first_and_richest
from ..histories import probe
from ..reproduction import constructor_call, parameter_line, reproduced_by, reproduction_of_gap

ONE_WAY, BOTH_WAYS = (5e-4, 1e-3), (-1e-3, 1e-3)  # gradients in turn
FIRST_STEPS = 20  # before a count in 8 bits could stop


@check("T10", place=2, since="0.2")
def long_run(context: Context) -> None:
    case, dtype = context.richest, "float32" if "float32" in context.dtypes else context.dtypes[0]
    if context.spec is not None and context.against is not None:
        history = probe(context, context.seed, steps=100 if context.quick else 400, shapes=((3, 4), ()))
        gap = replay(
            context.spec, context.against.taken(case.hyper), context.subject.make, context.against.make, history,
            dtype=dtype, device=context.device, our_hyper=case.hyper, states=(),
        ).first_failure()  # fmt: skip
        if gap is not None and context.draws:
            note(f"{context.draws}: it is not held against {context.against.label}")
        elif gap is not None:
            shown = reproduction_of_gap(context.subject, case.hyper, history, gap, dtype)
            taken = context.against.taken(case.hyper)
            cause = likely_cause(context.spec, context.subject.make, taken, case.hyper, history, dtype, context.device)
            raise Failed(str(gap), case=case.name, dtype=dtype, cause=cause, reproduction=shown)
    # A count shows through slow averages, such as the defaults', or a decaying rate.
    for each in () if context.whole else first_and_richest(context):
        _judge_tiny_steps(context, each, 1000 if context.quick else 10_001)


def _judge_tiny_steps(context: Context, case: Case, steps: int) -> None:
    """One element and a gradient of 1e-3 or 5e-4 in turn, the last step's length held against the formula's.

    The last step starts from 0, so that it keeps all its digits. Without a formula only a number is asked for, and the
    gradients turn: down one slope for ever, a rule that estimates how far it is to go (Prodigy) grows without end.
    """
    dtype = "float64" if "float64" in context.dtypes else context.dtypes[0]
    found = _last_tiny_step(context, case, dtype, steps)
    if not math.isfinite(found):
        script = functools.partial(_script, context, case, dtype, steps, "abs(p.item()) < float('inf')")
        with reproduced_by(context, script):
            raise Failed(f"p0[0] is {found} after {steps} steps of 1e-3", case=case.name, dtype=dtype)
    if context.spec is None or context.draws:
        return
    expected = _last_tiny_step_of_the_formula(context.spec, case, steps, fitted((1,)))
    # The averages have lost digits to ten thousand roundings: 1e-10 in float64, and 1e-3 in float32 (1e4 u).
    allowed = (1e-6 if dtype == "float64" else 1e-2) * abs(expected)
    if not abs(found - expected) <= allowed:
        message = f"step {steps} moved p0[0] from 0 to {found!r}; the formula moves it to {expected!r}"
        condition = f"abs(p.item() - {expected!r}) <= {allowed!r}"
        with reproduced_by(context, functools.partial(_script, context, case, dtype, steps, condition)):
            raise Failed(message, case=case.name, dtype=dtype, cause=_since_when(context, context.spec, case, dtype))


def _since_when(context: Context, spec: Spec, case: Case, dtype: str) -> str:
    """What began late, where the first steps were of the right length, or that nothing moves from 0; else nothing."""
    found, expected = (
        _last_tiny_step(context, case, dtype, FIRST_STEPS),
        _last_tiny_step_of_the_formula(spec, case, FIRST_STEPS, fitted((1,))),
    )
    if found == 0 and expected:
        return STAYS_ZERO
    near = abs(found - expected) <= (1e-6 if dtype == "float64" else 1e-2) * abs(expected)
    return "a count that stopped, or an average that drifts" if near and expected else ""


def _last_tiny_step(context: Context, case: Case, dtype: str, steps: int) -> float:
    shape = fitted((1,))
    p = torch.nn.Parameter(torch.zeros(shape, dtype=getattr(torch, dtype), device=context.device))
    optimizer = context.build([p], **case.hyper)
    # Two tensors for all steps: to make ten thousand would take longer than to step.
    gradients = [torch.full_like(p, g) for g in _tiny_gradients(context)]
    for step in range(steps):
        p.grad = gradients[step % 2]
        if step == steps - 1:
            with torch.no_grad():
                p.zero_()
        optimizer.step()
    return float(p.detach().reshape(-1)[0])


def _last_tiny_step_of_the_formula(spec: Spec, case: Case, steps: int, shape: tuple[int, ...]) -> float:
    """In Python numbers; in an array where the rule needs dimensions, or more than one element."""
    given = {name: value for name, value in case.hyper.items() if name in spec.defaults}
    hyper, value = spec.hyper(**given), 0.0 if shape == (1,) else np.zeros(shape)
    state = spec.start(value, hyper)
    for step in range(steps):
        value = 0 * value if step == steps - 1 else value
        value, state = spec.update(value, ONE_WAY[step % 2], state, step + 1, **hyper)
    return float(np.ravel(value)[0])


def _script(context: Context, case: Case, dtype: str, steps: int, condition: str) -> list[str]:
    return [
        parameter_line([0.0], dtype),
        f"optimizer = {constructor_call(context, case.hyper)}",
        f"for step in range({steps}):",
        f"    p.grad = torch.full_like(p, {_tiny_gradients(context)!r}[step % 2])",
        f"    p.data.mul_(step < {steps - 1})  # the last step begins at 0",
        "    optimizer.step()",
        f"assert {condition}, f'step {steps} ends at {{p.item()}}'",
    ]


def _tiny_gradients(context: Context) -> tuple[float, float]:
    return BOTH_WAYS if context.spec is None else ONE_WAY
