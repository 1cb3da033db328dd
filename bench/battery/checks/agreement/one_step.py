"""Every single step agrees, whatever came before: the parameters are set equal after each."""

from __future__ import annotations

from ....compare.scenario import probe
from ...context import Context, check
from ..against_formula import each_case_and_dtype, judge, steps_of, the_reference


@check("T1", place=1)
def one_step(c: Context) -> None:
    the_reference(c)
    for case, dtype in each_case_and_dtype(c):
        judge(c, case, probe(c.seed, steps=steps_of(c)), dtype, lockstep=True)
