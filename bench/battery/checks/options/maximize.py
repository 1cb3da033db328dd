"""maximize with gradient g is minimising with -g, weight decay included.

Bug: kozistr#528 (the option is never read). Judged with weight decay as well: torch negates the gradient before decay
is added, and one that turns the sign afterwards is right without decay and makes the weights grow with it.
Controls: an Adam that ignores it, and three optimizers that turn the decay or lr instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at
from ..runs import Gradients, Params, Snapshot, clones, gradient_history, run, snapshot

CAUSE = "the sign is turned after weight decay, or not at all"


@check("T4", place=2, since="0.2")
def maximize(context: Context) -> None:
    if "maximize" not in context.subject.options:
        raise NotApplicable("it has no option maximize")
    # Beside weights of N(0, 1) a decay of 0.1 with the wrong sign shows in the first step.
    decay = [{}, {"weight_decay": 0.1}] if "weight_decay" in context.subject.options else [{}]
    for case in cases_of(context):
        start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
        history = gradient_history(context.seed, 5, start)
        for extra in decay:
            hyper = {**case.hyper, **extra}
            with reported_at(case, context.dtypes[0]):
                if difference := _difference(context, hyper, start, history):
                    decayed = f"weight_decay={hyper.get('weight_decay', 'default')!r}"
                    raise Failed(
                        f"maximize on g and minimise on -g differ with {decayed}: {difference}",
                        cause=CAUSE if _is_ignored_or_decays_first(context, hyper, start, history) else "",
                    )


def _difference(context: Context, hyper: Mapping[str, Any], start: Params, history: Sequence[Gradients]) -> str:
    negative = [[None if g is None else -g for g in row] for row in history]
    uphill = _run(context, hyper, start, history, on=True)
    return run_difference(uphill, _run(context, hyper, start, negative, on=False), snapshot(start))


def _is_ignored_or_decays_first(
    context: Context, hyper: Mapping[str, Any], start: Params, history: Sequence[Gradients]
) -> bool:
    """Whether it steps as without maximize, or is right without decay."""
    on, off = (_run(context, hyper, start, history, on=on) for on in (True, False))
    if not run_difference(on, off, snapshot(start)):
        return True
    return "weight_decay" in hyper and not _difference(context, {**hyper, "weight_decay": 0}, start, history)


def _run(
    context: Context, hyper: Mapping[str, Any], start: Params, history: Sequence[Gradients], *, on: bool
) -> list[Snapshot]:
    params = clones(start)
    return run(context.build(params, **{**hyper, "maximize": on}), params, history)
