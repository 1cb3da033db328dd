"""Which mistakes are likely, and how many of the failures each of them explains.

A check is explained by a cause that it names itself, or whose remedy makes its failure vanish: `remedies`. Both were
tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..result import BY_DESIGN, FAILED, NOT_APPLICABLE, PASSED, RAISED, CheckResult, Headline

TOO_LONG_S = 5.0  # a check that took longer is not tried again: a report may not take twice its time

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
