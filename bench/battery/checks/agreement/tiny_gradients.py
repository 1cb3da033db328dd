"""Gradients from 1e-4 down to 1e-12, where eps decides, agree."""

from __future__ import annotations

from ....compare.scenario import tiny
from ...context import Context, check
from ..against_formula import each_case_and_dtype, judge, the_reference


@check("T2", place=3)
def tiny_gradients(c: Context) -> None:
    the_reference(c)
    for case, dtype in each_case_and_dtype(c):
        judge(c, case, tiny(c.seed), dtype)
