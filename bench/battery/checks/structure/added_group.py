"""A group added in the middle of a run starts then, with its own hyperparameters, and disturbs nobody.

For layers that are unfrozen one by one, each with an add_param_group(). The new group gets half the learning rate, so
that one which steps with the first group's rate is seen, and starts at step 4, so that a shared step count is.
Control: an SGD that lists its parameters in the constructor, and never steps the new group.
"""

from __future__ import annotations

from ...context import Context, check, each_for_itself, not_by_design
from ...result import NotApplicable
from ..faults import reported_at
from ..option_values import learning_rate_option
from ..runs import clones, gradients_of, run
from ..state import groups_of
from ._separate_optimizers import each_case, judge_late_start, own_allowed


@check("T7", place=4, since="0.2")
def added_group(context: Context) -> None:
    each_for_itself(context)
    not_by_design(context, "one-group", "group-state", "coupled", "stochastic")
    if context.seen.several_groups:
        raise NotApplicable(context.seen.groups or context.seen.several_groups)
    for case, start, history in each_case(context):
        with reported_at(case, context.dtypes[0]):
            params = clones(start)
            optimizer = context.build([params[0], params[2]], **case.hyper)
            if not hasattr(optimizer, "add_param_group"):
                raise NotApplicable("it has no add_param_group()")
            found = [
                [a, start[1].detach(), b]
                for a, b in run(optimizer, [params[0], params[2]], gradients_of(history[:3], 0, 2))
            ]
            lr, option = groups_of(optimizer)[0].get("lr"), learning_rate_option(context, case.hyper)
            half = (
                lr / 2
                if isinstance(lr, (int, float)) and option and own_allowed(context, case.hyper, {"lr": lr / 2})
                else None
            )
            optimizer.add_param_group({"params": [params[1]], **({} if half is None else {"lr": half})})
            found += run(optimizer, params, history[3:])
            # A group says lr whatever the constructor calls it, and schedulers look for it there.
            judge_late_start(context, case, found, start, history, {} if half is None else {option: half})
