"""Saving, loading and copying: a run that was interrupted continues as if it had not been."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import sys
from typing import Any

import torch
from torch.optim import Optimizer

from ....scratch_impls import Case
from ..context import Context, check, declared, gradients, parameters
from .equal import (
    Params,
    Values,
    clones,
    copied,
    go,
    leaves,
    same,
    some_cases,
    started,
    state_leaves,
    two_cases,
    values,
)  # fmt: skip
from ..result import Failed, NotApplicable
from .trials import other_value

BEFORE, AFTER = 5, 10  # steps before and after the interruption: enough for every average to hold a history


def _resumed(context: Context, case: Case, params: Params, saved: dict[str, Any]) -> tuple[Optimizer, Params]:
    """A fresh optimizer over copies of the parameters, built with other values, which then loads."""
    fresh = clones(params)
    optimizer = context.build(fresh, **{**case.hyper, **_others(context, case, params, saved["param_groups"][0])})
    optimizer.load_state_dict(saved)
    return optimizer, fresh


def _others(context: Context, case: Case, params: Params, group: dict[str, Any]) -> dict[str, Any]:
    """Another value for every number that the group holds and the constructor takes: the saved ones must come back."""
    found: dict[str, Any] = {}
    for name in (n for n in {**context.subject.options, **case.hyper} if group.get(n) is not None):
        new = 3 * float(group[name]) if name == "lr" else other_value(name, group[name])
        with contextlib.suppress(TypeError, ValueError):  # such as etas of Rprop that are both below 1
            if new is not None:
                context.build(clones(params), **{**case.hyper, **found, name: new})
                found[name] = new
    return found


def _through_a_file(saved: dict[str, Any], case: Case, dtype: str) -> dict[str, Any]:
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


@check("T9")
def save_load(context: Context) -> None:
    """Saved, loaded into a fresh optimizer with other values, and continued, a run is the unbroken one bit for bit."""
    for dtype in context.dtypes:
        for case in some_cases(context):
            goes_on(context, case, dtype)
    for case in two_cases(context) if context.cases and not context.whole else ():
        _groups_of_equal_shapes(context, case, context.dtypes[0])


@check("T9")
def bfloat16_save_load(context: Context) -> None:
    """With bfloat16 parameters the same, for state that is kept wider as well: torch's own loading casts that."""
    declared(context, "bfloat16")
    for case in some_cases(context):
        goes_on(context, case, "bfloat16")


def goes_on(context: Context, case: Case, dtype: str) -> None:
    optimizer, params = started(context, case, dtype, BEFORE)
    saved = _through_a_file(optimizer.state_dict(), case, dtype)
    resumed, fresh = _resumed(context, case, params, saved)
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    same(_options(resumed), _options(optimizer), "hyperparameters after loading", **where)
    same(_formats(resumed, fresh), _formats(optimizer, params), "type of a state after loading", **where)
    what, cause = "state after loading", "the state_dict does not carry all of the state"
    same(values(resumed, fresh), values(optimizer, params), what, cause=cause, **where)
    for step in range(BEFORE, AFTER):
        go(optimizer, params, range(step, step + 1), context.seed)
        go(resumed, fresh, range(step, step + 1), context.seed)
        what = f"step {step + 1}, saved and loaded after step {BEFORE}, against the unbroken run"
        same(values(resumed, fresh), values(optimizer, params), what, cause=cause, **where)


LATE = 3
LONG = 60  # steps: a count or a warm-up that is lost shows only where it had come to something


def _groups_of_equal_shapes(context: Context, case: Case, dtype: str) -> None:
    """Four parameters of one shape in three groups with rates of their own, two late and one absent, saved late."""

    def made(params: Params, factor: float) -> Optimizer:
        lr = case.hyper.get("lr", context.subject.options.get("lr"))
        second, third = ({"lr": part * lr} if isinstance(lr, float) else {} for part in (factor, factor / 2))
        grouped = [{"params": params[:2]}, {"params": params[2:3], **second}, {"params": params[3:], **third}]
        return context.build(grouped, **case.hyper)

    params = parameters(context.seed, ((3,),) * 4, dtype, context.device)
    optimizer = made(params, 0.5)
    for step in range(LATE):  # the last groups have state first, and parameter 1 has none yet when it is saved
        _walk_some(optimizer, params, step, context.seed, params[2:])
    for step in range(LATE, LONG):
        _walk_some(optimizer, params, step, context.seed, [params[0], *params[2:]])
    optimizer.param_groups[0]["initial_lr"] = 0.25  # as schedulers write it there and look for it when they resume
    saved, fresh = _through_a_file(optimizer.state_dict(), case, dtype), clones(params)
    resumed = made(fresh, 3.0)
    resumed.load_state_dict(saved)
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    same(_options(resumed), _options(optimizer), "hyperparameters of three groups after loading", **where)
    for step in range(LONG, LONG + 3):
        for one, held in ((optimizer, params), (resumed, fresh)):
            _walk_some(one, held, step, context.seed, [held[0], *held[2:]])
        what = f"step {step + 1} of three groups with parameters of one shape, saved and loaded after step {LONG}"
        cause = "state or hyperparameters come back to another parameter or group, or not at all"
        same(values(resumed, fresh), values(optimizer, params), what, cause=cause, **where)
    _added_after_loading(context, (optimizer, params), (resumed, fresh), where)


def _added_after_loading(context: Context, *both: Any) -> None:
    """What is added to the one that loaded steps as what is added to the one that never stopped."""
    (optimizer, params), (resumed, fresh), where = both
    for one, held in ((optimizer, params), (resumed, fresh)):
        if not hasattr(one, "add_param_group"):
            return
        held += parameters(context.seed + 1, ((3,),), where["dtype"], context.device)
        one.add_param_group({"params": held[-1:]})
        _walk_some(one, held, LONG + 3, context.seed, [held[0], *held[2:]])
    what, cause = "a step of a group that is added after loading", "after loading, no group can be added"
    same(values(resumed, fresh), values(optimizer, params), what, cause=cause, **where)


def _walk_some(optimizer: Optimizer, params: Params, step: int, seed: int, some: Params) -> None:
    """A step with gradients for some of the parameters."""
    gradients(seed, step, params)
    for p in params:
        p.grad = p.grad if any(p is one for one in some) else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + step)
        optimizer.step()


def _options(optimizer: Optimizer) -> Values:
    named = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    return dict(leaves(named, "param_groups"))


def _formats(optimizer: Optimizer, params: Params) -> Values:
    live = state_leaves(optimizer, params)
    return {k: f"{v.dtype} on {v.device}" if isinstance(v, torch.Tensor) else type(v).__name__ for k, v in live.items()}


@check("T9")
def state_dict_is_a_value(context: Context) -> None:
    """state_dict() has state and param_groups, holds no parameter, changes nothing, and is pickled and loaded."""
    case, dtype = context.richest, context.dtypes[0]
    for steps in (0, 3):
        optimizer, params = started(context, case, dtype, steps)
        before = {**values(optimizer, params), **_options(optimizer)}
        saved = optimizer.state_dict()
        if not isinstance(saved, dict) or not {"state", "param_groups"} <= set(saved):
            found = sorted(map(str, saved)) if isinstance(saved, dict) else type(saved).__name__
            message = f"state_dict() after {steps} steps has {found}; it must have state and param_groups"
            raise Failed(message, case=case.name)
        for name, leaf in leaves(saved, "state_dict"):
            if any(leaf is p for p in params):
                message = f"{name} is a parameter: it would be saved twice and loaded as another tensor"
                raise Failed(message, case=case.name)
        where: dict[str, Any] = {"case": case, "dtype": dtype}
        taken = copied(dict(leaves(saved, "state_dict")))
        back = dict(leaves(pickle.loads(pickle.dumps(saved)), "state_dict"))
        same(back, taken, f"state_dict of step {steps} after pickling", **where)
        same(copied(dict(leaves(optimizer.state_dict(), "state_dict"))), taken, "a second state_dict()", **where)
        after = {**values(optimizer, params), **_options(optimizer)}
        same(after, before, f"state_dict() after {steps} steps changed the optimizer", **where)
        optimizer.load_state_dict(copy.deepcopy(saved))
        after = {**values(optimizer, params), **_options(optimizer)}
        same(after, before, f"loading its own state_dict of step {steps} changed the optimizer", **where)
        go(optimizer, params, range(steps, steps + 2), context.seed)


@check("T8")
def load_no_aliasing(context: Context) -> None:
    """The optimizer that loaded a dict and the dict do not change with one another, beyond what torch itself shares."""
    case, dtype = context.richest, context.dtypes[0]
    optimizer, params = started(context, case, dtype, BEFORE)
    if context.subject.listed:
        apart: Any = contextlib.nullcontext()
    elif type(optimizer).load_state_dict is Optimizer.load_state_dict:
        raise NotApplicable("load_state_dict is inherited from torch.optim.Optimizer; its aliasing is torch's defect")
    else:
        apart = _TorchCopies()
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    given = copy.deepcopy(optimizer.state_dict())
    before = copied(dict(leaves(given, "dict")))
    with apart:
        resumed, fresh = _resumed(context, case, params, given)
    cause = "load_state_dict keeps the tensors of the dict it is given"
    go(resumed, fresh, range(BEFORE, AFTER), context.seed)
    what = f"steps {BEFORE + 1} to {AFTER} changed the dict that was loaded"
    same(copied(dict(leaves(given, "dict"))), before, what, cause=cause, **where)
    given = copy.deepcopy(optimizer.state_dict())
    with apart:
        resumed, fresh = _resumed(context, case, params, given)
    loaded = values(resumed, fresh)
    for _, leaf in leaves(given["state"], "dict"):
        if isinstance(leaf, torch.Tensor):
            leaf.zero_()
    what = "the dict was zeroed after loading, and so was the state"
    same(values(resumed, fresh), loaded, what, cause=cause, **where)


class _TorchCopies:
    """torch's own load_state_dict takes a copy of the dict: who hands it on to torch is not judged by torch's defect.

    What still shares memory then is what the class does beside torch, or instead of it.
    """

    def __enter__(self) -> None:
        self.kept = kept = Optimizer.load_state_dict

        def load_state_dict(optimizer: Optimizer, state_dict: dict[str, Any]) -> None:
            kept(optimizer, copy.deepcopy(state_dict))

        Optimizer.load_state_dict = load_state_dict  # type: ignore[method-assign,assignment]

    def __exit__(self, *error: object) -> None:
        Optimizer.load_state_dict = self.kept  # type: ignore[method-assign]


@check("T9")
def copy_and_pickle(context: Context) -> None:
    """A deepcopy, and a pickle where the class can be found by name, continue as the original and apart from it."""
    dtype = context.dtypes[0]
    for case in some_cases(context):
        optimizer, params = started(context, case, dtype, BEFORE)
        twins = {"a deepcopy": copy.deepcopy((params, optimizer))}
        if _importable(type(optimizer)):
            twins["an unpickled copy"] = pickle.loads(pickle.dumps((params, optimizer)))
        before = values(optimizer, params)
        for what, (fresh, twin) in twins.items():
            go(twin, fresh, range(BEFORE, AFTER), context.seed)
            message = f"steps {BEFORE + 1} to {AFTER} of {what} changed the original"
            same(values(optimizer, params), before, message, case=case, dtype=dtype)
        go(optimizer, params, range(BEFORE, AFTER), context.seed)
        for what, (fresh, twin) in twins.items():
            message = f"step {AFTER} of {what} made after step {BEFORE}"
            same(values(twin, fresh), values(optimizer, params), message, case=case, dtype=dtype)


def _importable(kind: type) -> bool:
    """Pickle stores a class by its name; one made inside a function has none, which is no fault of an optimizer."""
    found: Any = sys.modules.get(kind.__module__)
    try:
        for part in kind.__qualname__.split("."):
            found = getattr(found, part)
    except AttributeError:
        return False
    return found is kind


from . import exchange  # noqa: E402  the report follows the order of registration

_ = exchange
