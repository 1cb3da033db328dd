"""Saving, loading and copying: a run that was interrupted continues as if it had not been."""

from __future__ import annotations

import contextlib
import io
import pickle
from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context
from ...result import Failed
from ..equal import Params, Values, clones, go, leaves, same, started, state_leaves, values
from ..trials import other_value

BEFORE, AFTER = 5, 10  # steps before and after the interruption: enough for every average to hold a history


def resume(context: Context, case: Case, params: Params, saved: dict[str, Any]) -> tuple[Optimizer, Params]:
    """A fresh optimizer over copies of the parameters, built with other values, which then loads."""
    fresh = clones(params)
    optimizer = context.build(fresh, **{**case.hyper, **other_options(context, case, params, saved["param_groups"][0])})
    optimizer.load_state_dict(saved)
    return optimizer, fresh


def other_options(context: Context, case: Case, params: Params, group: dict[str, Any]) -> dict[str, Any]:
    """Another value for every number that the group holds and the constructor takes: the saved ones must come back."""
    found: dict[str, Any] = {}
    for name in (n for n in {**context.subject.options, **case.hyper} if group.get(n) is not None):
        new = 3 * float(group[name]) if name == "lr" else other_value(name, group[name])
        with contextlib.suppress(TypeError, ValueError):  # such as etas of Rprop that are both below 1
            if new is not None:
                context.build(clones(params), **{**case.hyper, **found, name: new})
                found[name] = new
    return found


def through_a_file(saved: dict[str, Any], case: Case, dtype: str) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    try:
        loaded: dict[str, Any] = torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        said = str(error).splitlines()[0]
        cause = "state_dict holds something other than tensors and plain values"
        message = f"torch.load(weights_only=True) refuses: {said}"
        raise Failed(message, case=case.name, dtype=dtype, cause=cause) from None
    return loaded


def goes_on(context: Context, case: Case, dtype: str) -> None:
    optimizer, params = started(context, case, dtype, BEFORE)
    saved = through_a_file(optimizer.state_dict(), case, dtype)
    resumed, fresh = resume(context, case, params, saved)
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    same(group_options(resumed), group_options(optimizer), "hyperparameters after loading", **where)
    same(formats_of(resumed, fresh), formats_of(optimizer, params), "type of a state after loading", **where)
    what, cause = "state after loading", "the state_dict does not carry all of the state"
    same(values(resumed, fresh), values(optimizer, params), what, cause=cause, **where)
    for step in range(BEFORE, AFTER):
        go(optimizer, params, range(step, step + 1), context.seed)
        go(resumed, fresh, range(step, step + 1), context.seed)
        what = f"step {step + 1}, saved and loaded after step {BEFORE}, against the unbroken run"
        same(values(resumed, fresh), values(optimizer, params), what, cause=cause, **where)


def group_options(optimizer: Optimizer) -> Values:
    named = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    return dict(leaves(named, "param_groups"))


def formats_of(optimizer: Optimizer, params: Params) -> Values:
    live = state_leaves(optimizer, params)
    return {k: f"{v.dtype} on {v.device}" if isinstance(v, torch.Tensor) else type(v).__name__ for k, v in live.items()}
