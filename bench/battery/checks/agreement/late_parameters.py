"""A parameter whose gradients begin five steps late agrees with the reference's, which begins then."""

from __future__ import annotations

from ....compare.scenario import probe
from ...context import Context, check
from ..against_formula import each_case_and_dtype, judge, the_reference


@check("T7", place=4)
def late_parameters(c: Context) -> None:
    the_reference(c)
    for case, dtype in each_case_and_dtype(c):
        judge(c, case, probe(c.seed + 2, steps=15, late=True), dtype)
