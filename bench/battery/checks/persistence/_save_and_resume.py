"""A run that is saved to a file, loaded into a fresh optimizer and continued, against the unbroken run, bit for bit."""

from __future__ import annotations

import contextlib
import io
import pickle
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context
from ...result import Failed
from ..differences import require_equal
from ..option_values import other_value
from ..runs import Params, clones, subject_after, take_steps
from ..state import Values, groups_of, leaves, named_state, named_values

BEFORE, AFTER = 5, 10  # steps before and after the interruption: enough for every average to hold a history


def load_into_fresh(context: Context, case: Case, params: Params, saved: dict[str, Any]) -> tuple[Optimizer, Params]:
    """A fresh optimizer over copies of the parameters, built with other values, which then loads."""
    fresh = clones(params)
    optimizer = context.build(fresh, **{**case.hyper, **changed_options(context, case, params, saved)})
    optimizer.load_state_dict(saved)
    return optimizer, fresh


def changed_options(context: Context, case: Case, params: Params, saved: dict[str, Any]) -> dict[str, Any]:
    """Another value for every number that the group holds and the constructor takes: the saved ones must come back."""
    found: dict[str, Any] = {}
    group = next((group for group in saved["param_groups"] if isinstance(group, Mapping)), {})
    for name in (n for n in {**context.subject.options, **case.hyper} if group.get(n) is not None):
        new = 3 * float(group[name]) if name == "lr" else other_value(name, group[name])
        with contextlib.suppress(TypeError, ValueError):  # such as etas of Rprop that are both below 1
            if new is not None:
                context.build(clones(params), **{**case.hyper, **found, name: new})
                found[name] = new
    return found


def through_a_file(saved: dict[str, Any], case: Case, dtype: str) -> dict[str, Any]:
    """Saved and loaded as torch does by default since 2.6: tensors and plain values, no code."""
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    try:
        loaded: dict[str, Any] = torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        refusal = str(error).splitlines()[0]
        cause = "state_dict holds something other than tensors and plain values"
        message = f"torch.load(weights_only=True) refuses: {refusal}"
        raise Failed(message, case=case.name, dtype=dtype, cause=cause) from None
    return loaded


def judge_resumed_run(context: Context, case: Case, dtype: str) -> None:
    optimizer, params = subject_after(context, case, dtype, BEFORE)
    groups_of(optimizer)  # the options that are to come back stand there
    saved = through_a_file(optimizer.state_dict(), case, dtype)
    resumed, fresh = load_into_fresh(context, case, params, saved)
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    require_equal(group_options(resumed), group_options(optimizer), "hyperparameters after loading", **where)
    require_equal(
        types_of_state(resumed, fresh), types_of_state(optimizer, params), "type of a state after loading", **where
    )
    what, cause = "state after loading", "the state_dict does not carry all of the state"
    require_equal(named_values(resumed, fresh), named_values(optimizer, params), what, cause=cause, **where)
    for step in range(BEFORE, AFTER):
        take_steps(optimizer, params, range(step, step + 1), context.seed)
        take_steps(resumed, fresh, range(step, step + 1), context.seed)
        what = f"step {step + 1}, saved and loaded after step {BEFORE}, against the unbroken run"
        require_equal(named_values(resumed, fresh), named_values(optimizer, params), what, cause=cause, **where)


def group_options(optimizer: Optimizer) -> Values:
    groups = [group for group in optimizer.param_groups if isinstance(group, Mapping)]
    named = [{k: v for k, v in group.items() if k != "params"} for group in groups]
    return dict(leaves(named, "param_groups"))


def types_of_state(optimizer: Optimizer, params: Params) -> Values:
    live = named_state(optimizer, params)
    return {k: f"{v.dtype} on {v.device}" if isinstance(v, torch.Tensor) else type(v).__name__ for k, v in live.items()}
