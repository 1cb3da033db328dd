"""Constructing and stepping changes nothing outside of the optimizer and prints nothing."""

from __future__ import annotations

from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, gradients, parameters
from ...global_state import changes
from ...result import Failed
from ..trials import at, cases_of


@check("T15", place=2)
def global_state(c: Context) -> None:
    for case in cases_of(c):
        params = parameters(c.seed, dtype=c.dtypes[0], device=c.device)

        def use(params: Any = params, case: Case = case) -> None:
            optimizer = c.build(params, **case.hyper)
            for step in range(2):
                gradients(c.seed, step, params)
                optimizer.step()

        with at(case, c.dtypes[0]):
            if told := changes(use):
                raise Failed("constructing and two steps " + "; ".join(told))
