"""Constructing and stepping changes nothing outside of the optimizer and prints nothing.

For a print or a debugging switch that was left in, and for seeds, grad mode, the default dtype, threads, environment
variables and warning filters, which a step sets for the whole process. Two steps: the first may only make state. A
step that forks and lets both processes go on has all that follows done twice, from the next step to the saved file.
Controls: ten optimizers, each of which changes one of these, and one that forks.
"""

from __future__ import annotations

from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, gradients, parameters
from ...global_state import changes
from ...processes import forks
from ...result import Failed
from ..cases import cases_of
from ..faults import reported_at


@check("T15", place=2, since="0.2")
def global_state(context: Context) -> None:
    for case in cases_of(context):
        params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)

        # Bound as defaults: by the time it is called a closure would see the variables of a later case.
        def use(params: Any = params, case: Case = case) -> None:
            optimizer = context.build(params, **case.hyper)
            for step in range(2):
                gradients(context.seed, step, params)
                optimizer.step()

        with reported_at(case, context.dtypes[0]):
            changed = changes(use)
            if forks.goes_on():
                message = "of constructing and two steps, one forks, and the child comes back as well"
                raise Failed(message, cause="it forks, and both processes go on")
            if changed:
                raise Failed("constructing and two steps " + "; ".join(changed))
