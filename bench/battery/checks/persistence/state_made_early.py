"""Asking for the state of a fresh optimizer, or a step on zero gradients at lr 0, leaves no trace in what follows.

Bugs: Megatron-LM#5974 #5976 (the first step is 1.34 times too small), pytorch#164929, torchtitan#4382, DeepSpeed#5104:
a checkpoint is loaded into state that must be there, so it is made by such a step, and a count begins at 1. Five steps
after it must be those of an optimizer that nobody asked.
Control: an RMSprop that counts the steps on nothing into its warm-up. A count that the reference has too is by design;
torch's own classes are held to it, since what makes the state is torch's as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself, parameters
from ...result import Failed, NotApplicable
from ...subject import Owner
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at, unless_by_design
from ..questions import Questions
from ..runs import Params, clones, gradient_history, run, snapshot
from ..special_values._zero_gradient_steps import ZERO_BY_ZERO
from ..state import groups_of
from ._distributed_state import require_distributed, require_state_of_parameters, saved_by_name

STEPS = 5
TRACE = "the step that makes the state counts as a step"


@check("T9", place=8, since="0.3")
def state_made_early(context: Context) -> None:
    each_for_itself(context)
    questions = Questions()
    for case in cases_of(context, every=True):
        for judge in (_judge_asking, _judge_zero_step):
            with questions.ask(), reported_at(case, context.dtypes[0]):
                _judge_unless_counted(context, case, judge)
    questions.conclude()


def _judge_unless_counted(context: Context, case: Case, judge: Callable[[Context, Case], None]) -> None:
    """Every rule that corrects for its first steps counts such a step: whoever follows one does so by design."""
    if context.subject.owner is Owner.TORCH:
        judge(context, case)
        return
    try:
        unless_by_design(context, case, judge)
    except Failed as fault:
        if context.against is None or context.subject.owner is Owner.OURS:
            reason = f"its rule may count a step on zero gradients, and no reference says whether it does: {fault}"
            raise NotApplicable(reason) from None
        raise


def _judge_asking(context: Context, case: Case) -> None:
    require_distributed()

    def ask(optimizer: Optimizer, params: Params) -> None:
        require_state_of_parameters(optimizer)
        saved_by_name(optimizer, params)

    _judge(context, case, ask, "get_optimizer_state_dict of a fresh optimizer")


def _judge_zero_step(context: Context, case: Case) -> None:
    def step(optimizer: Optimizer, params: Params) -> None:
        groups = groups_of(optimizer)
        rates = [group.get("lr") for group in groups]
        if not all(isinstance(rate, (int, float)) for rate in rates):
            raise NotApplicable(f'its group["lr"] is {rates[0]!r}, not a number that could be 0')
        # As `_init_optim_state` of torch.distributed.checkpoint.state_dict does.
        for group in groups:
            group["lr"] = 0.0
        for p in params:
            p.grad = torch.zeros_like(p)
        optimizer.step()
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate

    _judge(context, case, step, "a step on zero gradients at lr=0")


def _judge(context: Context, case: Case, disturb: Callable[[Any, Params], None], what: str) -> None:
    start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    history, found = gradient_history(context.seed, STEPS, start), []
    for disturbed in (True, False):
        params = clones(start)
        optimizer = context.build(params, **case.hyper)
        if disturbed:
            disturb(optimizer, params)
        found.append(run(optimizer, params, history))
    last = found[0][-1]
    if not all(bool(torch.isfinite(p).all()) for p in last) and all(
        bool(torch.isfinite(p).all()) for p in found[1][-1]
    ):
        raise Failed(f"after {what} its parameters are not finite", cause=ZERO_BY_ZERO)
    if difference := run_difference(found[0], found[1], snapshot(start)):
        raise Failed(f"after {what}, and without it, training differs: {difference}", cause=TRACE)
