"""Declared group-state: a group that is added late starts afresh, and a late parameter in an older group does not.

The comparison of a late parameter with one in an optimizer of its own is off then. What a group keeps is still its
own: a parameter in a new group goes as in an optimizer that starts then. And where a late parameter in an older group
goes so too, nothing is kept by the group.
Controls: an Adam whose count is the optimizer's, and one that counts for each parameter and is declared group-state.
"""

from __future__ import annotations

from ...context import Context, check
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradients_of, run
from ..structure._separate_optimizers import each_case
from ._words import only_if_declared

LATE = 3


@check("T7", place=2, since="0.3")
def declared_group_state(context: Context) -> None:
    only_if_declared(context, "group-state")
    if context.seen.several_groups:
        raise NotApplicable(context.seen.several_groups)
    kept = False
    for case, start, history in each_case(context, every=True):
        with reported_at(case, context.dtypes[0]):
            single = clones(start[1:2])
            alone = run(context.build(single, **case.hyper), single, gradients_of(history[LATE:], 1))
            params = clones(start[:2])
            optimizer = context.build(params[:1], **case.hyper)
            run(optimizer, params[:1], gradients_of(history[:LATE], 0))
            optimizer.add_param_group({"params": params[1:]})
            found = run(optimizer, params, gradients_of(history[LATE:], 0, 1))
            if difference := run_difference([row[1:] for row in found], alone, start[1:2], names=[1]):
                raise Failed(
                    f"a parameter in a group of its own, added after step {LATE}, does not go as one in an optimizer "
                    f"that starts then: {difference}",
                    cause="groups share state, which declared group-state does not allow",
                )
            params = clones(start[:2])
            holes = [[row[0], row[1] if t >= LATE else None] for t, row in enumerate(history)]
            found = run(context.build(params, **case.hyper), params, holes)
            kept = kept or bool(run_difference([row[1:] for row in found[LATE:]], alone, start[1:2]))
    if not kept:
        raise Failed(
            f"a parameter that starts late goes as in an optimizer of its own, in each of "
            f"{len(cases_of(context, every=True))} cases",
            cause="it is declared group-state, and a group keeps nothing",
        )
