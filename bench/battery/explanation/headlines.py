"""Which mistakes are likely, and how many of the failures each of them explains.

A check is explained by a cause that it names itself, or whose remedy makes its failure vanish. Both were tried: a
formula with that very convention in the place of the reference, or gradients given as copies to who writes into them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ....reference.conventions import as_formula, slips, variants
from ....scratch_impls import Spec
from ...adapter import as_optimizer
from ..context import Against, Context
from ..result import BY_DESIGN, FAILED, NOT_APPLICABLE, PASSED, RAISED, CheckResult, Headline

TOO_LONG_S = 5.0  # a check that took longer is not tried again: a report may not take twice its time
CHANGED_IN_PLACE = "p.grad is changed in place"

Retry = Callable[
    [str, str], CheckResult | None
]  # check, cause -> the verdict with the remedy; None where there is none


def own_causes(results: Sequence[CheckResult]) -> tuple[Headline, ...]:
    """By what the checks name themselves; nothing is tried."""
    found: dict[str, list[str]] = {}
    for result in results:
        if result.status == FAILED and result.cause and not result.cause.startswith(RAISED):
            found.setdefault(result.cause, []).append(result.check)
    return _sorted(found, results)


def of(results: Sequence[CheckResult], retry: Retry) -> tuple[Headline, ...]:
    """The likely mistakes, most explaining first. A failure belongs to one: the first that explains it."""
    found = {headline.cause: list(headline.checks) for headline in own_causes(results)}
    failed = [result for result in results if result.status == FAILED]
    taken: set[str] = set()
    for cause in list(found):
        for result in failed:
            if result.cause == cause or result.check in taken or result.time_s > TOO_LONG_S:
                continue
            again = retry(result.check, cause)
            if again is None:
                break  # there is no remedy for this cause
            if again.status == PASSED or (again.status == NOT_APPLICABLE and BY_DESIGN in again.message):
                taken.add(result.check)
                for checks in found.values():
                    if result.check in checks:
                        checks.remove(result.check)
                found[cause].append(result.check)
    return _sorted(found, results)


def _sorted(found: dict[str, list[str]], results: Sequence[CheckResult]) -> tuple[Headline, ...]:
    """Most explaining first, of as many the one that the report meets first; checks in the order of the report."""
    order = {result.check: place for place, result in enumerate(results)}
    made = [Headline(cause, tuple(sorted(checks, key=order.__getitem__))) for cause, checks in found.items() if checks]
    return tuple(sorted(made, key=lambda headline: (-len(headline.checks), order[headline.checks[0]])))


def remedied(context: Context, cause: str) -> Context | None:
    """The circumstances in which this cause is none; None where nobody knows such."""
    if cause == CHANGED_IN_PLACE:
        subject = dataclasses.replace(context.subject, make=_given_copies(context.subject.make))
        return dataclasses.replace(context, subject=subject)
    if context.spec is None or context.against is None:
        return None
    spec = _formula_with(context, context.spec, cause)
    if spec is None:
        return None
    label = f"{spec.name} with this mistake: {cause}"
    return dataclasses.replace(context, against=Against(label=label, make=as_optimizer(spec), spec=spec))


def _formula_with(context: Context, spec: Spec, cause: str) -> Spec | None:
    """The reference's formula with the convention of that name, from the first case that could show it."""
    assert context.against is not None
    for case in context.cases:
        hyper = context.against.taken(case.hyper)
        for variant in itertools.chain(variants(spec, hyper), slips(spec, hyper)):
            if variant.says == cause:
                return as_formula(spec, variant, hyper)
    return None


def _given_copies(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same optimizer, whose step finds copies in p.grad that nobody else holds."""

    def made(params: Any, **hyper: Any) -> Any:
        optimizer = make(params, **hyper)
        held: list[tuple[Any, Any]] = []

        def before(optimizer: Any, args: Any, kwargs: Any) -> None:
            held[:] = [(p, p.grad) for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            for p, grad in held:
                p.grad = grad.clone()

        def after(optimizer: Any, args: Any, kwargs: Any) -> None:
            for p, grad in held:
                p.grad = grad
            held.clear()  # a gradient that is kept here would look as if the optimizer kept it

        optimizer.register_step_pre_hook(before)
        optimizer.register_step_post_hook(after)
        return optimizer

    return made
