"""Parameters of float32 and float64 in one optimizer go as in optimizers of their own."""

from __future__ import annotations

import dataclasses
from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself, parameters
from ...result import Failed, NotApplicable
from ..trials import at, cases_of, clones, first_gap, history, only, run, snapshot


@check("T12", place=4)
def mixed_dtypes(c: Context) -> None:
    each_for_itself(c)
    for case in cases_of(dataclasses.replace(c, quick=True)):
        start = [parameters(c.seed, ((5,),), dtype, c.device)[0] for dtype in ("float32", "float64") * 2]
        rows = history(c.seed, 6, start)
        try:
            alone = [_run(c, case, start, rows, i) for i in range(4)]
        except Exception as error:  # the checks of one format tell of it, where that format is judged
            raise NotApplicable(f"it does not step in both dtypes alone: {type(error).__name__}: {error}") from None
        try:
            together = _run(c, case, start, rows, 0, 1, 2, 3)
        except Exception as error:  # said aloud, nobody trains a model wrongly by it
            raise NotApplicable(f"it refuses parameters of two dtypes: {type(error).__name__}: {error}") from None
        with at(case):
            for i, mine in enumerate(alone):
                if told := first_gap([[row[i]] for row in together], mine, snapshot([start[i]]), names=[i]):
                    raise Failed(
                        f"a parameter of {start[i].dtype} beside others of two dtypes, and alone: {told}",
                        cause="parameters of another dtype than the first are left out or taken for it",
                    )


def _run(c: Context, case: Case, start: Any, rows: Any, *index: int) -> Any:
    params = clones([start[i] for i in index])
    return run(c.build(params, **case.hyper), params, only(rows, *index))
