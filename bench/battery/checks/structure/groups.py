"""Groups with different hyperparameters equal optimizers of their own, however many parameters there are.

Bugs: pytorch#106916, Paddle#43013, transformers#9751, TransformerEngine#1986: options or state of one group reach
another. As in a model, 23 parameters are also put in groups of 20, 2 and 1 for 24 steps: the planted faults begin
with the fourth parameter, the third group, beyond sixteen parameters, and at the eighth step.
Controls: an optimizer with each of these bugs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, each_for_itself, not_by_design
from ...result import Failed, NotApplicable
from ..cases import best_dtype, cases_of, first_and_richest
from ..faults import REFUSALS, reported_at, unless_by_design
from ..questions import Questions
from ..runs import clones, run
from ..state import groups_of
from ._own_options import judge_option_set_later, judge_own_option, options_with_effect
from ._parameters_together import judge_beside_empty_group, judge_coupled_as_the_reference, judge_one_group
from ._separate_optimizers import (
    difference_from_separate,
    each_case,
    judge_groups_of_a_model,
    own_allowed,
    run_separately,
)


@check("T6", place=1, since="0.2")
def groups(context: Context) -> None:
    each_for_itself(context)
    not_by_design(context, "one-group")
    if context.seen.several_groups:
        raise NotApplicable(context.seen.groups or context.seen.several_groups)
    cases, questions = cases_of(context, every=True), Questions()

    def ask(judge: Callable[..., None], case: Case, *about: Any) -> None:
        with questions.ask(), reported_at(case, context.dtypes[0]):
            unless_by_design(context, case, lambda side, case: judge(side, case, *about))

    for k, (case, start, history) in enumerate(each_case(context, every=True)):
        if k == 0 or not context.quick:
            ask(judge_one_group, case, start, history)
            ask(judge_beside_empty_group, case, start, history)
            if context.seen.coupled_reference and context.asks("0.3"):
                with questions.ask(), reported_at(case, context.dtypes[0]):
                    judge_coupled_as_the_reference(context, case, start, history)
        # The next case's values for the second group: options that really occur together.
        ask(_judge_two_groups, case, cases[(k + 1) % len(cases)], start, history)
    for case, name, new in options_with_effect(context, start, history) if context.asks("0.3") else ():
        ask(judge_own_option, case, name, new, start, history)
        ask(judge_option_set_later, case, name, new, start, history)
    for case in first_and_richest(context) if context.cases else ():
        with questions.ask(), reported_at(case, best_dtype(context)):
            unless_by_design(context, case, judge_groups_of_a_model)
    questions.conclude()


def _judge_two_groups(context: Context, case: Case, neighbour: Case, start: Any, history: Any) -> None:
    """The options of one case beside those of another."""
    keys = set(groups_of(context.build(clones(start), **case.hyper))[0]) - {"params"}
    first = {n: v for n, v in {**context.subject.options, **case.hyper}.items() if n in keys}
    other = {**first, **{n: v for n, v in neighbour.hyper.items() if n in keys}}
    if isinstance(first.get("lr"), (int, float)) and first["lr"] == other["lr"]:
        other["lr"] = first["lr"] / 2  # in every pair, for few cases change it
    changed = [n for n in first if first[n] != other[n] and own_allowed(context, case.hyper, {n: other[n]})]
    if difference := _group_difference(context, case.hyper, {n: other[n] for n in changed}, start, history):
        # Each alone, so that the message names the one that is not used.
        single = [n for n in changed if _group_difference(context, case.hyper, {n: other[n]}, start, history)]
        theirs, ours = (", ".join(f"{n}={h[n]!r}" for n in single or changed) for h in (other, first))
        raise Failed(
            f"a group with {theirs} beside one with {ours} is not what two optimizers do: {difference}",
            cause=f"the group's own {', '.join(single or changed)} is not used",
        )


def _group_difference(context: Context, hyper: Any, own: dict[str, Any], start: Any, history: Any) -> str:
    """Parameters 0 and 2 with `hyper`, 1 with its own as well, against optimizers of their own; "" where they agree."""
    params = clones(start)
    try:
        alone = [
            run_separately(context, hyper, start, history, 0),
            run_separately(context, {**hyper, **own}, start, history, 1),
        ]
    except (TypeError, ValueError):
        return ""  # the two cases do not combine
    try:
        optimizer = context.build([{"params": [params[0], params[2]]}, {"params": [params[1]], **own}], **hyper)
        found = run(optimizer, params, history)
    except REFUSALS as error:  # aloud: nobody is misled
        given = ", ".join(f"{n}={v!r}" for n, v in own.items())
        raise NotApplicable(f"it refuses a group with {given}: {type(error).__name__}: {error}") from None
    return difference_from_separate(found, alone[0], start, 0) or difference_from_separate(found, alone[1], start, 1)
