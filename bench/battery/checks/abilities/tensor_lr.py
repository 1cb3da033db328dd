"""A tensor lr of 0 or 1 dimensions gives the steps of a float, may be changed in place, and is left alone.

For captured and compiled steps, which read lr from memory so that a change needs no new graph. It is halved in place
in the middle, so that a number taken at the first step is seen; and both shapes are in use.
Control: an SGD that scales the tensor by a schedule of its own.
"""

from __future__ import annotations

import functools
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, declared, parameters
from ...result import NotApplicable
from ..cases import best_dtype, cases_of
from ..differences import require_equal, tolerance
from ..faults import may_refuse
from ..runs import subject_after, take_steps
from ..state import named_state, named_values, params_in

STEPS = 4


@check("T12", place=3, since="0.2")
def tensor_lr(context: Context) -> None:
    declared(context, "tensor-lr")
    dtype = best_dtype(context)
    if "lr" not in context.subject.options and not any("lr" in case.hyper for case in context.cases):
        raise NotApplicable("the class takes no lr")
    lr = 2.0**-7  # the same number in every format
    lrs = [torch.tensor(value, dtype=getattr(torch, dtype)) for value in (lr, [lr])]
    for given in lrs:
        shape = "0-dimensional" if given.dim() == 0 else "1-element"
        attempt = functools.partial(_run_with_lr, context, case=context.cases[0], dtype=dtype, lr=given.clone())
        with may_refuse(context, "tensor-lr", attempt):
            attempt(context.subject.make)
        for case in cases_of(context):
            mine = given.clone()
            ours = _run_with_lr(context, context.subject.make, case, dtype, mine)
            where: dict[str, Any] = {"case": case, "dtype": dtype}
            what, cause = f"the {shape} lr after {2 * STEPS} steps", "step() changes lr"
            require_equal({"lr": mine}, {"lr": given / 2}, what, cause=cause, **where)
            theirs = _run_with_lr(context, context.subject.make, case, dtype, lr)
            what = f"a {shape} lr, halved in place after step {STEPS}, against a float"
            require_equal(ours, theirs, what, allowed=_tolerance_of_state(context, case, dtype), **where)


def _tolerance_of_state(context: Context, case: Case, dtype: str) -> float:
    """What rounding allows where numbers of the state, which a rate may be, are held in a narrower format."""
    optimizer, params = subject_after(context, case, dtype, 2)
    tensors = [v for v in named_state(optimizer, params).values() if isinstance(v, torch.Tensor) and v.dim() == 0]
    kept = {str(v.dtype).removeprefix("torch.") for v in tensors if v.is_floating_point() and float(v) % 1}
    return max(tolerance(name) for name in (dtype, *kept))


def _run_with_lr(context: Context, make: Any, case: Case, dtype: str, lr: Any) -> dict[str, Any]:
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer = make(params, **{**case.hyper, "lr": lr})
    take_steps(optimizer, params, range(STEPS), context.seed)
    if isinstance(lr, torch.Tensor):
        lr.mul_(0.5)
    else:
        optimizer.param_groups[0]["lr"] = lr / 2
    take_steps(optimizer, params, range(STEPS, 2 * STEPS), context.seed)
    return params_in(named_values(optimizer, params))
