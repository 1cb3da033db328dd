"""A run that is saved to a file, loaded into a fresh optimizer and continued, against the unbroken run, bit for bit."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context
from ...result import Failed
from ..differences import require_equal, run_difference, values_difference
from ..option_values import other_value
from ..questions import Faults
from ..runs import Params, clones, snapshot, subject_after, take_steps
from ..state import Values, groups_of, leaves, named_state, named_values

Side = tuple[Optimizer, Params]
REFUSED = "state_dict holds something other than tensors and plain values"
CAST = "loading casts the state to another format"
NOT_CARRIED = "the state_dict does not carry all of the state"
BEFORE, AFTER = 5, 10  # steps before and after the interruption: enough for every average to hold a history


def load_into_fresh(context: Context, case: Case, params: Params, saved: dict[str, Any] | None) -> Side:
    """A fresh optimizer over copies of the parameters, built with other values, which then loads; None: it does not."""
    fresh = clones(params)
    held = saved or {"param_groups": [case.hyper]}
    optimizer = context.build(fresh, **{**case.hyper, **changed_options(context, case, params, held)})
    if saved:
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


def through_a_file(saved: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """Saved and loaded as torch does by default since 2.6: tensors and plain values, no code.

    What holds more is a fault, and goes on as a copy, so that it does not hide what loading makes of the rest.
    """
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    try:
        loaded: dict[str, Any] = torch.load(file, weights_only=True)
    # torch.load raises it for each global that is not on its list of safe ones.
    except pickle.UnpicklingError as error:
        refusal = str(error).splitlines()[0]
        faults.add(Failed(f"torch.load(weights_only=True) refuses: {refusal}", cause=REFUSED))
        return copy.deepcopy(saved)
    return loaded


def judge_resumed_run(context: Context, case: Case, dtype: str) -> None:
    """Failed with all that is found: what the file holds, what comes back, and where the run then goes."""
    faults = Faults()
    faults.add(*faults_of_resumed_run(context, case, dtype))
    faults.tell()


def faults_of_resumed_run(context: Context, case: Case, dtype: str) -> list[Failed]:
    optimizer, params = subject_after(context, case, dtype, BEFORE)
    faults = Faults()
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    saved = through_a_file(optimizer.state_dict(), faults)
    groups_of(optimizer)  # the options that are to come back stand there
    resumed, fresh = load_into_fresh(context, case, params, saved)
    before = len(faults.found)
    with faults.collect():
        what, cause = "hyperparameters after loading", "the groups do not have what was loaded"
        require_equal(*known_options(resumed, optimizer), what, cause=cause, **where)
    options_are_back = len(faults.found) == before
    with faults.collect():
        _judge_state_that_came_back((resumed, fresh), (optimizer, params), where)
        # Below, since other steps from another state are no fault of their own.
        with faults.collect():
            _judge_steps_after_loading(context, case, saved, (resumed, fresh), (optimizer, params), where)
    for fault in faults.found:
        fault.case, fault.dtype = case.name, dtype
    # Steps by other hyperparameters than the saved ones say nothing of the state.
    return [fault for fault in faults.found if options_are_back or fault.cause != NOT_CARRIED]


def _judge_state_that_came_back(ours: Side, theirs: Side, where: dict[str, Any]) -> None:
    message = "type of a state after loading"
    require_equal(types_of_state(*ours), types_of_state(*theirs), message, cause=CAST, **where)
    require_equal(named_values(*ours), named_values(*theirs), "state after loading", cause=NOT_CARRIED, **where)


def _judge_steps_after_loading(
    context: Context, case: Case, saved: dict[str, Any], ours: Side, theirs: Side, where: dict[str, Any]
) -> None:
    """The loaded run beside the unbroken one; the last two steps at half the rate, which is set in both."""
    cause = NOT_CARRIED
    for step in range(BEFORE, AFTER + 2):
        if step == AFTER and not (context.asks("0.3") and _halve_rates(ours[0], theirs[0])):
            return
        for optimizer, params in (theirs, ours):
            take_steps(optimizer, params, range(step, step + 1), context.seed)
        what = f"step {step + 1}, saved and loaded after step {BEFORE}, against the unbroken run"
        if step >= AFTER:
            what, cause = f"{what}, at half the rate in both", "after loading, a change of lr in its groups is ignored"
        found, expected = named_values(*ours), named_values(*theirs)
        if values_difference(found, expected) and _reads_old_groups(context, case, ours[1], saved):
            cause = "after loading its step reads groups that were remembered at construction"
        require_equal(found, expected, what, cause=cause, **where)


def _halve_rates(*optimizers: Optimizer) -> bool:
    """Half the rate in every group, if all have one that is a number."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    if not all(isinstance(group, dict) and isinstance(group.get("lr"), float) for group in groups):
        return False
    for group in groups:
        group["lr"] /= 2
    return True


def _reads_old_groups(context: Context, case: Case, params: Params, saved: dict[str, Any]) -> bool:
    """Whether a rate of 0 in the groups holds it still before it loads anything, and no more afterwards."""

    def moves(loads: bool) -> bool:
        optimizer, fresh = load_into_fresh(context, case, params, saved if loads else None)
        for group in optimizer.param_groups:
            group["lr"] = 0.0
            group.update({"weight_decay": 0.0} if "weight_decay" in group else {})
        before = snapshot(fresh)
        take_steps(optimizer, fresh, range(AFTER, AFTER + 1), context.seed)
        return bool(run_difference([snapshot(fresh)], [before], before))

    try:
        return moves(loads=True) and not moves(loads=False)
    except Exception:  # it only explains a fault that was found
        return False


def known_options(optimizer: Optimizer, original: Optimizer) -> tuple[Values, Values]:
    """The options of both sides' groups, without those that the first alone has: loading may add what is new."""
    ours, theirs = group_options(optimizer), group_options(original)
    return {name: value for name, value in ours.items() if name in theirs}, theirs


def group_options(optimizer: Optimizer) -> Values:
    groups = [group for group in optimizer.param_groups if isinstance(group, Mapping)]
    named = [{k: v for k, v in group.items() if k != "params"} for group in groups]
    return dict(leaves(named, "param_groups"))


def types_of_state(optimizer: Optimizer, params: Params) -> Values:
    live = named_state(optimizer, params)
    return {k: f"{v.dtype} on {v.device}" if isinstance(v, torch.Tensor) else type(v).__name__ for k, v in live.items()}
