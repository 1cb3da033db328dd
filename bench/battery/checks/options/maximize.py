"""maximize with gradient g is minimising with -g, weight decay included.

Bug: kozistr#528 (the option is never read). Judged with weight decay as well: torch negates the gradient before decay
is added, and one that turns the sign afterwards is right without decay and makes the weights grow with it.
Controls: an Adam that ignores it, and three optimizers that turn the decay or lr instead.
"""

from __future__ import annotations

from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradient_history, run, snapshot


@check("T4", place=2, since="0.2")
def maximize(context: Context) -> None:
    if "maximize" not in context.subject.options:
        raise NotApplicable("it has no option maximize")
    # Beside weights of N(0, 1) a decay of 0.1 with the wrong sign shows in the first step.
    decay = [{}, {"weight_decay": 0.1}] if "weight_decay" in context.subject.options else [{}]
    for case in cases_of(context):
        start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
        history = gradient_history(context.seed, 5, start)
        negative = [[None if g is None else -g for g in row] for row in history]
        for extra in decay:
            hyper, found = {**case.hyper, **extra}, []
            with reported_at(case, context.dtypes[0]):
                for on, signed in ((True, history), (False, negative)):
                    params = clones(start)
                    found.append(run(context.build(params, **{**hyper, "maximize": on}), params, signed))
                if difference := run_difference(found[0], found[1], snapshot(start)):
                    decayed = f"weight_decay={hyper.get('weight_decay', 'default')!r}"
                    raise Failed(f"maximize on g and minimise on -g differ with {decayed}: {difference}",
                                 cause="the sign is turned after weight decay, or not at all")  # fmt: skip
