"""Seventy thousand elements step as the reference's, to the last.

For a kernel whose index or grid ends at 65,536. One case and two steps, since nothing but the size is new here.
Control: an Adam that never steps the elements beyond.
"""

from __future__ import annotations

import dataclasses

from ...context import Context, check
from ...result import NotApplicable
from ..cases import cases_of
from ..histories import probe
from ..reference_agreement import judge_agreement

# Above the 65,536 that a 16-bit index counts, and a multiple of no block or vector.
LARGE = 70_001


FEW = 4  # iterations of a step that is many


@check("T12", place=3, since="0.2")
def large_tensor(context: Context) -> None:
    if context.against is None:
        raise NotApplicable("there is nothing to hold it against")
    if context.shapes:
        raise NotApplicable("the shapes to judge with were given")
    if context.spec is not None and context.spec.spectral:
        raise NotApplicable(f"{context.spec.name} has matrices as large as a side of the parameter: {LARGE:,} squared")
    case = cases_of(context)[0]
    if "max_iter" in case.hyper:  # each goes through all pairs that are remembered, and in float32 later ones are open
        case = dataclasses.replace(case, hyper={**case.hyper, "max_iter": FEW})
    history = probe(context, context.seed, steps=1 if context.whole else 2, shapes=((LARGE,),))
    for dtype in context.dtypes:
        judge_agreement(context, case, history, dtype)
