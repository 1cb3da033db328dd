"""Saved, loaded into a fresh optimizer with other values, and continued, a run is the unbroken one bit for bit.

Bugs: pytorch#43706 (momentum is not saved), #75224 (state comes back in another dtype), #196083 (state in an
attribute that no state_dict carries), torchtitan#4615 (the step count begins anew). The fresh optimizer is built with
other values, so that an option which is not loaded is seen. A second run of sixty steps has three groups with
parameters of one shape, since what is found by shape or order comes back to the wrong one only there. And a dict from
before a switch existed, which the reference fills in (timm#2792, pytorch#68733), goes on with the switch off.
Controls: an optimizer with each of these bugs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context, check, gradients, note, parameters
from ...global_state import seed_torch
from ..cases import cases_of, first_and_richest
from ..differences import require_equal
from ..questions import Faults
from ..runs import Params, clones
from ..state import named_values
from ._old_checkpoint import judge_old_checkpoint
from ._save_and_resume import REFUSED, faults_of_resumed_run, known_options, through_a_file

LATE = 3  # steps that the first group starts late
LONG = 60  # steps: a count or a warm-up that is lost shows only where it had come to something


@check("T9", place=1, since="0.2")
def save_load(context: Context) -> None:
    faults = Faults()
    for dtype in context.dtypes:
        for case in cases_of(context):
            faults.add(*faults_of_resumed_run(context, case, dtype))
    several = not (context.whole or context.seen.several_groups or "one-group" in context.declared)
    note(context.seen.several_groups)
    # Where one group does not go on, three would tell of it again.
    in_one = all(fault.cause == REFUSED for fault in faults.found)
    for case in first_and_richest(context) if context.cases and several and in_one else ():
        with faults.collect():
            _judge_groups_of_equal_shapes(context, case, context.dtypes[0])
    if context.asks("0.3"):
        with faults.collect():
            judge_old_checkpoint(context, context.dtypes[0])
    faults.tell()


def _judge_groups_of_equal_shapes(context: Context, case: Case, dtype: str) -> None:
    """Four parameters of one shape in three groups with rates of their own, saved after sixty steps.

    Parameter 0 starts late and parameter 1 never: state that is saved in the order in which it was made, or given to
    parameters in their order, comes back to another one of the same shape, which nothing else would notice.
    """

    def in_three_groups(params: Params, factor: float) -> Optimizer:
        lr = case.hyper.get("lr", context.subject.options.get("lr"))
        if context.seen.own_rates or "one-lr" in context.declared:
            note(context.seen.own_rates)
            lr = None
        second, third = ({"lr": part * lr} if isinstance(lr, float) else {} for part in (factor, factor / 2))
        grouped = [{"params": params[:2]}, {"params": params[2:3], **second}, {"params": params[3:], **third}]
        return context.build(grouped, **case.hyper)

    params = parameters(context.seed, ((3,),) * 4, dtype, context.device)
    optimizer = in_three_groups(params, 0.5)
    for step in range(LATE):  # the last groups have state first, and parameter 1 has none yet when it is saved
        _step_some(optimizer, params, step, context.seed, params[2:])
    for step in range(LATE, LONG):
        _step_some(optimizer, params, step, context.seed, [params[0], *params[2:]])
    optimizer.param_groups[0]["initial_lr"] = 0.25  # as schedulers write it there and look for it when they resume
    # What a file refuses was told of by the run of one group.
    saved, fresh = through_a_file(optimizer.state_dict(), Faults()), clones(params)
    resumed = in_three_groups(fresh, 3.0)  # other rates, which loading must replace
    resumed.load_state_dict(saved)
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    require_equal(*known_options(resumed, optimizer), "hyperparameters of three groups after loading", **where)
    for step in range(LONG, LONG + 3):
        for each, its_params in ((optimizer, params), (resumed, fresh)):
            _step_some(each, its_params, step, context.seed, [its_params[0], *its_params[2:]])
        what = f"step {step + 1} of three groups with parameters of one shape, saved and loaded after step {LONG}"
        cause = "state or hyperparameters come back to another parameter or group, or not at all"
        require_equal(named_values(resumed, fresh), named_values(optimizer, params), what, cause=cause, **where)
    _judge_group_added_after_loading(context, (optimizer, params), (resumed, fresh), where)


def _judge_group_added_after_loading(context: Context, *both: Any) -> None:
    """What is added to the one that loaded steps as what is added to the one that never stopped."""
    (optimizer, params), (resumed, fresh), where = both
    for each, its_params in ((optimizer, params), (resumed, fresh)):
        if not hasattr(each, "add_param_group"):
            return
        its_params += parameters(context.seed + 1, ((3,),), where["dtype"], context.device)
        each.add_param_group({"params": its_params[-1:]})
        _step_some(each, its_params, LONG + 3, context.seed, [its_params[0], *its_params[2:]])
    what, cause = "a step of a group that is added after loading", "after loading, no group can be added"
    require_equal(named_values(resumed, fresh), named_values(optimizer, params), what, cause=cause, **where)


def _step_some(optimizer: Optimizer, params: Params, step: int, seed: int, some: Params) -> None:
    """A step with gradients for some of the parameters."""
    gradients(seed, step, params)
    for p in params:
        p.grad = p.grad if any(p is each for each in some) else None
    with torch.random.fork_rng(devices=[]):
        seed_torch(seed + step)
        optimizer.step()
