"""A parameter whose first gradient comes late goes as one in an optimizer that starts then.

Bug: NorMuon#3 (the loop ends at the first parameter without a gradient). The late one is held against one in an
optimizer that starts then, its neighbours against an optimizer that never had it: no reference is needed. It starts
at step 4, so that a step count which it shares is three too high.
Controls: that bug, and an RMSprop that does nothing until all have gradients.
"""

from __future__ import annotations

from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself
from ..runs import clones, run
from ._separate_optimizers import ask_each_case, judge_late_start


@check("T7", place=3, since="0.2")
def late_start(context: Context) -> None:
    each_for_itself(context)
    # All cases: a count that is shared shows only where the case has an average to correct or a rate to decay.
    ask_each_case(context, _judge_late, every=True)


def _judge_late(context: Context, case: Case, start: Any, history: Any) -> None:
    params = clones(start)
    late: Any = [[row[0], row[1] if t >= 3 else None, row[2]] for t, row in enumerate(history)]
    found = run(context.build(params, **case.hyper), params, late)
    judge_late_start(context, case, found, start, history)
