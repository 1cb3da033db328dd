"""A group added in the middle of a run starts then, with its own hyperparameters, and disturbs nobody."""

from __future__ import annotations

from ...context import Context, check, each_for_itself
from ...result import NotApplicable
from ..trials import at, clones, groups_of, only, rate_option, run
from ._alone import each_case, judge_as_alone


@check("T7", place=4)
def added_group(c: Context) -> None:
    each_for_itself(c)
    for case, start, rows in each_case(c):
        with at(case, c.dtypes[0]):
            params = clones(start)
            optimizer = c.build([params[0], params[2]], **case.hyper)
            if not hasattr(optimizer, "add_param_group"):
                raise NotApplicable("it has no add_param_group()")
            found = [[a, start[1].detach(), b] for a, b in run(optimizer, [params[0], params[2]], only(rows[:3], 0, 2))]
            lr, option = groups_of(optimizer)[0].get("lr"), rate_option(c, case.hyper)
            half = lr / 2 if isinstance(lr, (int, float)) and option else None
            optimizer.add_param_group({"params": [params[1]], **({} if half is None else {"lr": half})})
            found += run(optimizer, params, rows[3:])
            # A group says lr, whatever the constructor calls it.
            judge_as_alone(c, case, found, start, rows, {} if half is None else {option: half})
