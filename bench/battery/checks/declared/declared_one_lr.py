"""Declared one-lr: two learning rates are refused with an error, or one of them rules all groups.

Groups with rates of their own are not tried then. Where each group steps by its own rate after all, the declaration
is false, and hides what could be judged.
Control: an SGD that reads each group's rate and is declared one-lr.
"""

from __future__ import annotations

from ...context import Context, check
from ...result import Failed, NotApplicable
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradients_of, run
from ..state import rate_of
from ..structure._separate_optimizers import each_case
from ._words import only_if_declared


@check("T6", place=4, since="0.3")
def declared_one_lr(context: Context) -> None:
    only_if_declared(context, "one-lr")
    rate = rate_of(context.seen.options)
    if rate is None or context.seen.several_groups:
        raise NotApplicable(context.one_rate or context.seen.several_groups)
    if context.seen.own_rates:
        return
    case, start, history = next(iter(each_case(context)))
    with reported_at(case, context.dtypes[0]):
        found = []
        for own in ({}, {"lr": rate / 2}):
            params = clones(start[:2])
            grouped = [{"params": params[:1]}, {"params": params[1:], **own}]
            found.append(run(context.build(grouped, **case.hyper), params, gradients_of(history, 0, 1)))
        first, second = (
            run_difference([row[i : i + 1] for row in found[1]], [row[i : i + 1] for row in found[0]], start[i : i + 1])
            for i in (0, 1)
        )
        if second and not first:
            raise Failed(
                f"a second group with half the lr steps by it, and the first group by its own: {second}",
                cause="it is declared one-lr, and every group has its own",
            )
