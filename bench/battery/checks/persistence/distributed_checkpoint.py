"""Saved and loaded by torch.distributed.checkpoint, in one process, a run goes on as the unbroken one.

Bugs: pytorch#140900 #143828 (groups lose lr and betas), #133415, dion#109 (state_dict= is passed by name). It names
state and groups by the parameters' names, makes the state of the fresh optimizer by a step on gradients of zero, and
writes what was saved over it: whoever keeps state elsewhere, or under other keys, is seen there. Two groups with rates
of their own, five steps before and five after; no process group is needed.
Controls: an optimizer whose second group comes back with the rate of the first, and one whose argument is sd.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself, parameters
from ..cases import first_and_richest
from ..differences import require_equal
from ..faults import reported_at, unless_by_design
from ..questions import Questions
from ..runs import Params, clones, take_steps
from ..state import named_values
from ..structure._separate_optimizers import own_allowed, several_refused
from ._distributed_state import load_by_name, require_distributed, require_state_of_parameters, saved_by_name
from ._save_and_resume import AFTER, BEFORE, CAST, known_options, types_of_state


@check("T9", place=7, since="0.3")
def distributed_checkpoint(context: Context) -> None:
    require_distributed()
    each_for_itself(context)
    questions = Questions()
    for case in first_and_richest(context):
        with questions.ask(), reported_at(case, context.dtypes[0]):
            unless_by_design(context, case, _judge_checkpoint)
    questions.conclude()


def _judge_checkpoint(context: Context, case: Case) -> None:
    dtype = context.dtypes[0]
    params = parameters(context.seed, ((3, 2), (4,), (4,)), dtype, context.device)
    optimizer = _in_two_groups(context, case, params, 0.5)
    require_state_of_parameters(optimizer)
    take_steps(optimizer, params, range(BEFORE), context.seed)
    for p in params:
        p.grad = None
    saved, fresh = copy.deepcopy(saved_by_name(optimizer, params)), clones(params)
    resumed = _in_two_groups(context, case, fresh, 3.0)  # another rate, which loading must replace
    load_by_name(resumed, fresh, saved)
    with torch.no_grad():  # as a checkpoint of the model does; the step on zeros may have moved it by a rounding
        for p, was in zip(fresh, params, strict=True):
            p.copy_(was)
    where: dict[str, Any] = {"case": case, "dtype": dtype}
    what, cause = "hyperparameters of two groups after loading", "a group does not get back its own hyperparameters"
    require_equal(*known_options(resumed, optimizer), what, cause=cause, **where)
    cause = "the state does not come back under the names of the parameters"
    # An int that comes back as a float32 tensor is the same number, and rounds what follows from it.
    if types_of_state(resumed, fresh) != types_of_state(optimizer, params):
        cause = CAST
    require_equal(named_values(resumed, fresh), named_values(optimizer, params), "after loading", cause=cause, **where)
    for step in range(BEFORE, AFTER):
        for each, its_params in ((optimizer, params), (resumed, fresh)):
            take_steps(each, its_params, range(step, step + 1), context.seed)
        what = f"step {step + 1}, saved and loaded after step {BEFORE}, against the unbroken run"
        require_equal(named_values(resumed, fresh), named_values(optimizer, params), what, cause=cause, **where)


def _in_two_groups(context: Context, case: Case, params: Params, factor: float) -> Optimizer:
    """The second with factor times the rate, where it may have one of its own; in one group, where it takes one."""
    lr = case.hyper.get("lr", context.subject.options.get("lr"))
    own = {"lr": factor * lr} if isinstance(lr, float) and own_allowed(context, case.hyper, {"lr": factor * lr}) else {}
    if several_refused(context):
        return context.build(params, **case.hyper)
    return context.build([{"params": params[:1]}, {"params": params[1:], **own}], **case.hyper)
