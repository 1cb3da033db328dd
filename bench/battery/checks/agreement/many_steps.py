"""Sixty steps on the same gradients agree: outliers, missing gradients, tiny values, a change of lr.

What evaluates the loss finds hills and pits, where a line search does not end with its first guess.
"""

from __future__ import annotations

from ....compare.scenario import probe
from ...context import Context, check
from ..against_formula import each_case_and_dtype, judge, steps_of, the_reference


@check("T1", place=2)
def many_steps(c: Context) -> None:
    the_reference(c)
    for case, dtype in each_case_and_dtype(c):
        judge(c, case, probe(c.seed + 1, steps=steps_of(c), rugged=True), dtype)
