"""Every single step agrees, whatever came before: the parameters are set equal after each."""

from __future__ import annotations

from ....compare.scenario import probe
from ...context import Context, check
from ..reference_agreement import each_case_and_dtype, judge_agreement, steps_of, the_reference


@check("T1", place=1)
def one_step(context: Context) -> None:
    the_reference(context)
    for case, dtype in each_case_and_dtype(context):
        judge_agreement(context, case, probe(context.seed, steps=steps_of(context)), dtype, lockstep=True)
