"""maximize with gradient g is minimising with -g, weight decay included."""

from __future__ import annotations

from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..trials import at, cases_of, clones, first_gap, history, run, snapshot


@check("T4", place=2)
def maximize(c: Context) -> None:
    if "maximize" not in c.subject.options:
        raise NotApplicable("it has no option maximize")
    decay = [{}, {"weight_decay": 0.1}] if "weight_decay" in c.subject.options else [{}]
    for case in cases_of(c):
        start = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
        rows = history(c.seed, 5, start)
        negative = [[None if g is None else -g for g in row] for row in rows]
        for extra in decay:
            hyper, found = {**case.hyper, **extra}, []
            with at(case, c.dtypes[0]):
                for on, signed in ((True, rows), (False, negative)):
                    params = clones(start)
                    found.append(run(c.build(params, **{**hyper, "maximize": on}), params, signed))
                if told := first_gap(found[0], found[1], snapshot(start)):
                    decayed = f"weight_decay={hyper.get('weight_decay', 'default')!r}"
                    raise Failed(f"maximize on g and minimise on -g differ with {decayed}: {told}",
                                 cause="the sign is turned after weight decay, or not at all")  # fmt: skip
