"""Seventy thousand elements step as the reference's, to the last."""

from __future__ import annotations

import dataclasses

from ....compare.scenario import probe
from ...context import Context, check
from ...result import NotApplicable
from ..against_formula import judge
from ..trials import cases_of

# Above the 65,536 that a 16-bit index counts, and a multiple of no block or vector.
LARGE = 70_001


FEW = 4  # iterations of a step that is many


@check("T12", place=3)
def large_tensor(c: Context) -> None:
    if c.against is None:
        raise NotApplicable("there is nothing to hold it against")
    case = cases_of(c)[0]
    if "max_iter" in case.hyper:  # each goes through all pairs that are remembered, and in float32 later ones are open
        case = dataclasses.replace(case, hyper={**case.hyper, "max_iter": FEW})
    for dtype in c.dtypes:
        judge(c, case, probe(c.seed, steps=1 if c.whole else 2, shapes=((LARGE,),)), dtype)
