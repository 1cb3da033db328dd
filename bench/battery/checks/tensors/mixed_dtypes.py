"""Parameters of float32 and float64 in one optimizer go as in optimizers of their own.

For foreach calls and flat buffers that take every parameter for one of the first one's dtype. The dtypes alternate,
so that grouping neighbours is no help. To refuse two dtypes with an error is no fault: nobody trains wrongly by it.
Control: an RMSprop that passes over parameters of another dtype than the first.
"""

from __future__ import annotations

from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself, not_by_design, parameters
from ...result import Failed, NotApplicable
from ..cases import first_and_richest
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradient_history, gradients_of, run, snapshot


@check("T12", place=4, since="0.2")
def mixed_dtypes(context: Context) -> None:
    each_for_itself(context)
    not_by_design(context, "stochastic", "coupled")
    for case in first_and_richest(context):
        # Whatever formats are judged: foreach calls take one dtype (Optimizer._group_tensors_by_device_and_dtype).
        start = [parameters(context.seed, ((5,),), dtype, context.device)[0] for dtype in ("float32", "float64") * 2]
        history = gradient_history(context.seed, 6, start)
        try:
            alone = [_run_some(context, case, start, history, i) for i in range(4)]
        except Exception as error:  # the checks of one format tell of it, where that format is judged
            raise NotApplicable(f"it does not step in both dtypes alone: {type(error).__name__}: {error}") from None
        try:
            together = _run_some(context, case, start, history, 0, 1, 2, 3)
        except Exception as error:  # said aloud, nobody trains a model wrongly by it
            raise NotApplicable(f"it refuses parameters of two dtypes: {type(error).__name__}: {error}") from None
        with reported_at(case):
            for i, mine in enumerate(alone):
                if difference := run_difference([[row[i]] for row in together], mine, snapshot([start[i]]), names=[i]):
                    raise Failed(
                        f"a parameter of {start[i].dtype} beside others of two dtypes, and alone: {difference}",
                        cause="parameters of another dtype than the first are left out or treated as that dtype",
                    )


def _run_some(context: Context, case: Case, start: Any, history: Any, *index: int) -> Any:
    params = clones([start[i] for i in index])
    return run(context.build(params, **case.hyper), params, gradients_of(history, *index))
