"""A parameter whose first gradient comes late goes as one in an optimizer that starts then."""

from __future__ import annotations

from typing import Any

from ...context import Context, check, each_for_itself
from ..trials import at, clones, run
from ._alone import each_case, judge_as_alone


@check("T7", place=3)
def late_start(c: Context) -> None:
    each_for_itself(c)
    for case, start, rows in each_case(c, every=True):
        with at(case, c.dtypes[0]):
            params = clones(start)
            late: Any = [[row[0], row[1] if t >= 3 else None, row[2]] for t, row in enumerate(rows)]
            found = run(c.build(params, **case.hyper), params, late)
            judge_as_alone(c, case, found, start, rows)
