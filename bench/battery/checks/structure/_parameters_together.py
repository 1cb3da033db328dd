"""Parameters in one optimizer beside the same in optimizers of their own: what one step makes of another's."""

from __future__ import annotations

from typing import Any

from .....scratch_impls import Case
from ...context import Context, not_by_design
from ...result import Failed, NotApplicable
from ..differences import run_difference
from ..faults import REFUSALS, says_no
from ..runs import Snapshot, clones, gradients_of, run
from ._separate_optimizers import difference_from_separate, run_separately

COUPLED = "one parameter's step depends on another's (by design where a norm over all of them is used, else a fault)"


def judge_one_group(context: Context, case: Case, start: Any, history: Any) -> None:
    not_by_design(context, "stochastic", "coupled")
    if not (found := _coupled(context, case, start, history)):
        return
    cause = COUPLED
    if place := _odd_place(context, case, start, history):
        cause = f"the {place} parameter of a group steps otherwise than it does alone"
    raise Failed(
        f"parameters together and in optimizers of their own differ: {next(iter(found.values()))}", cause=cause
    )


def _coupled(context: Context, case: Case, start: Any, history: Any) -> dict[int, str]:
    """The parameters that together go otherwise than in an optimizer of their own, and where."""
    params = clones(start)
    together = run(context.build(params, **case.hyper), params, history)
    alone = [_alone(context, case, start, history, i) for i in range(len(start))]
    differences = {i: difference_from_separate(together, alone[i], start, i) for i in range(len(start))}
    return {i: difference for i, difference in differences.items() if difference}


def _alone(context: Context, case: Case, start: Any, history: Any, i: int) -> list[Snapshot]:
    params = clones([start[i]])
    return run(context.build(params, **case.hyper), params, gradients_of(history, i))


def _odd_place(context: Context, case: Case, start: Any, history: Any) -> str:
    """ "first" or "last" where that parameter alone is concerned, whichever it is; a norm over all knows no places."""
    turned = [row[::-1] for row in history]
    for place, name in ((0, "first"), (len(start) - 1, "last")):
        if all(set(_coupled(context, case, p, h)) == {place} for p, h in ((start, history), (start[::-1], turned))):
            return name
    return ""


def judge_coupled_as_the_reference(context: Context, case: Case, start: Any, history: Any) -> None:
    """Where a step of the reference depends on all parameters, as by a norm over all of them, so must the subject's."""
    not_by_design(context, "stochastic")
    reference = context.of_the_reference
    assert reference is not None
    try:
        theirs = _coupled(reference, case, start, history)
    except Exception:  # an option that it does not take, or a shape
        raise NotApplicable(f"{reference.subject.label} cannot be tried with this case") from None
    if theirs and not _coupled(context, case, start, history):
        raise Failed(
            f"in {reference.subject.label} parameters together and in optimizers of their own differ "
            f"({next(iter(theirs.values()))}), and here they do not",
            cause="a norm, or what else the reference takes over all parameters, is taken of each alone",
        )


def judge_beside_empty_group(context: Context, case: Case, start: Any, history: Any) -> None:
    """A group without parameters, as of layers that are all frozen, stands between two others, and before them."""
    alone = run_separately(context, case.hyper, start, history, 0, 2)
    for place in (1, 0) if context.asks("0.3") else (1,):
        params = clones([start[0], start[2]])
        arranged: list[Any] = [{"params": params[:1]}, {"params": params[1:]}]
        arranged.insert(place, {"params": []})
        try:
            optimizer = context.build(arranged, **case.hyper)
        except (TypeError, ValueError) as error:
            raise NotApplicable(f"it refuses a group without parameters: {error}") from None
        try:
            found = run(optimizer, params, gradients_of(history, 0, 2))
        except Exception as error:
            if isinstance(error, REFUSALS) and says_no(error) and "empty" in str(error).lower():
                raise NotApplicable(f"it refuses a group without parameters: {error}") from None
            raise Failed(
                f"a step beside a group without parameters raised {type(error).__name__}: {error}",
                cause="a group without parameters raises",
            ) from error
        if difference := run_difference(found, alone, [start[0], start[2]], names=[0, 2]):
            raise Failed(f"beside a group without parameters, and without that group, it differs: {difference}",
                         cause="a group without parameters disturbs the others")  # fmt: skip
