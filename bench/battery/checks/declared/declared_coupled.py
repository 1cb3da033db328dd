"""Declared coupled: the parameters in another order step alike, and each does depend on the others.

What turns the comparison with optimizers of one parameter off must leave one in its place: a norm over all parameters
is the same in any order, to the rounding of a sum. Where every parameter steps as it would alone, nothing is coupled.
An estimate over all parameters may show only where gradients keep their direction (D-Adaptation's of the distance).
Controls: an SGD that steps every parameter by the norm of the first, and a plain one that is declared coupled.
"""

from __future__ import annotations

import torch

from ...context import Context, check
from ...result import Failed
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradients_of, run
from ..structure._separate_optimizers import each_case
from ._words import only_if_declared

# A rotation, which leaves no parameter at its place.
ORDER = (2, 0, 1)
# At a rate of 0.05 and from 1e-6, where D-Adaptation and Prodigy begin, an estimate first grows after forty.
STEPS_IN_ONE_DIRECTION = 100


@check("T6", place=1, since="0.3")
def declared_coupled(context: Context) -> None:
    only_if_declared(context, "coupled")
    coupled = False
    for case, start, history in each_case(context):
        with reported_at(case, context.dtypes[0]):
            params, other = clones(start), clones([start[i] for i in ORDER])
            found = run(context.build(params, **case.hyper), params, history)
            turned = run(context.build(other, **case.hyper), other, gradients_of(history, *ORDER))
            back = [[row[ORDER.index(i)] for i in range(len(start))] for row in turned]
            if difference := run_difference(back, found, start):
                raise Failed(
                    f"the same parameters in another order go another way: {difference}",
                    cause="a step depends on the order of the parameters, which no norm over all of them does",
                )
            single = clones(start[:1])
            alone = run(context.build(single, **case.hyper), single, gradients_of(history, 0))
            coupled = coupled or bool(run_difference([row[:1] for row in found], alone, start[:1]))
    if not coupled and not _coupled_in_one_direction(context):
        raise Failed(
            f"every parameter steps as in an optimizer of its own, in each of {len(cases_of(context))} cases",
            cause="it is declared coupled, and is not",
        )


def _coupled_in_one_direction(context: Context) -> bool:
    """Whether a parameter goes another way beside others where its gradients stay those of the first step.

    Parameters of 1e-6, so that steps as short are seen.
    """
    for case, large, history in each_case(context):
        start = [torch.nn.Parameter(1e-6 * p.detach()) for p in large]
        # The others turn: where all keep their direction, an estimate over all may be that of each.
        turning = [history[step % len(history)][1:] for step in range(STEPS_IN_ONE_DIRECTION)]
        same = [[history[0][0], *others] for others in turning]
        with reported_at(case, context.dtypes[0]):
            params, single = clones(start), clones(start[:1])
            found = run(context.build(params, **case.hyper), params, same)
            alone = run(context.build(single, **case.hyper), single, gradients_of(same, 0))
            if run_difference([row[:1] for row in found], alone, start[:1]):
                return True
    return False
