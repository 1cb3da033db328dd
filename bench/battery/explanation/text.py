"""A report in words: the likely mistakes, what they leave unexplained, our own failures, and how many of the rest."""

from __future__ import annotations

import html as escaping
from collections.abc import Iterator

from ..result import (
    ERROR,
    EXPECTED,
    FAILED,
    NOT_APPLICABLE,
    NOT_DECLARED,
    PASSED,
    RAISED,
    UNEXPECTED,
    CheckReport,
    CheckResult,
    Headline,
)

OURS = "Twinstep itself failed, which says nothing of the optimizer: please report it with this traceback"
NOTHING = "nothing was checked: no chosen check applies to it"


def report(found: CheckReport, *, verbose: bool = False) -> str:
    """The whole report; verbose: every check with what it says, and every reproduction."""
    lines = [title(found)]
    lines += _all_results(found) if verbose else [*_mistakes(found), *_unexplained(found), *_others(found)]
    return "\n".join([*lines, counts(found), *([] if found.ran or found.errors else [NOTHING])])


def result_in_words(result: CheckResult) -> str:
    """One verdict alone; of an error of ours it says so."""
    if result.status != ERROR:
        return str(result)
    return f"{result.check}: {ERROR}: {OURS}:\n{result.message}"


def title(found: CheckReport) -> str:
    against = f" against {found.against}" if found.against else ""
    made_by = f" (Twinstep {found.environment['twinstep']})" if "twinstep" in found.environment else ""
    return f"{found.subject}{against}{made_by}"


def counts(found: CheckReport) -> str:
    """How many checks ended how."""
    always = (PASSED, FAILED, EXPECTED, NOT_DECLARED, NOT_APPLICABLE)
    counted = [f"{n} {status}" for status, n in found.counts.items() if n or status in always]
    return f"{found.subject}: {found.ran} checks ran: " + ", ".join(counted)


def headlines(found: CheckReport) -> list[str]:
    """A line for each likely mistake."""
    return [_headline(found, headline) for headline in found.headlines]


def _headline(found: CheckReport, headline: Headline) -> str:
    return f"{headline.cause}: explains {len(headline.checks)} of {_failures(found)}"


def _failures(found: CheckReport) -> str:
    number = found.counts[FAILED]
    return f"{number} failure{'s' if number != 1 else ''}"


def _mistakes(found: CheckReport) -> Iterator[str]:
    """Each likely mistake with the checks that it explains; of the first, how it shows."""
    by_name = {result.check: result for result in found.results}
    for headline in found.headlines:
        yield f"{_headline(found, headline)}: {', '.join(headline.checks)}"
        if headline is found.headlines[0]:
            yield from _shown([by_name[name] for name in headline.checks], headline.cause)


def _shown(results: list[CheckResult], cause: str) -> Iterator[str]:
    """The first check that names the cause itself, one with a reproduction if there is any."""
    naming = [result for result in results if result.cause == cause] or results
    best = next((result for result in naming if result.reproduction), naming[0])
    yield f"  {best.check}: {_said(best)}"
    if best.reproduction:
        yield "  reproduction:"
        yield from (f"    {line}" for line in best.reproduction.splitlines())


def _unexplained(found: CheckReport) -> Iterator[str]:
    explained = {name for headline in found.headlines for name in headline.checks}
    left = [result for result in found.results if result.status == FAILED and result.check not in explained]
    if left and found.headlines:
        yield f"no cause is known of {len(left)} of {_failures(found)}:"
    for result in left:
        cause = f"{result.cause}: " if result.cause and not result.cause.startswith(RAISED) else ""
        yield f"{result.check}: {result.status}: {cause}{_said(result, brief=bool(found.headlines))}"
        if result is left[0] and not found.headlines and result.reproduction:
            yield "  reproduction:"
            yield from (f"    {line}" for line in result.reproduction.splitlines())


def _said(result: CheckResult, *, brief: bool = False) -> str:
    """Where, and what is wrong; brief: of a traceback its last line, which names the error."""
    message = result.message.strip().splitlines()[-1] if brief and result.message.strip() else result.message
    return f"{result.where}: {message}" if result.where else message


def _others(found: CheckReport) -> Iterator[str]:
    """What passed though it should fail, and what Twinstep failed at."""
    yield from (f"{r.check}: {r.status}: {r.message}" for r in found.results if r.status == UNEXPECTED)
    if found.errors:
        first, *others = found.errors
        yield f"{first.check}: {ERROR}: {OURS}:"
        yield from (f"  {line}" for line in first.message.splitlines())
        yield from (f"{r.check}: {ERROR}: {r.message.strip().splitlines()[-1]}" for r in others)


def _all_results(found: CheckReport) -> Iterator[str]:
    yield from headlines(found)
    for result in found.results:
        if result.bad:
            yield result_in_words(result)
        else:
            why = f": {result.message}" if result.message else ""
            yield f"{result.check}: {result.status} ({result.time_s:.2f} s){why}"


def html(found: CheckReport) -> str:
    """The same text for a notebook, and below it a table of all checks."""
    rows = "".join(
        f"<tr><td>{escaping.escape(r.check)}</td><td>{escaping.escape(r.status)}</td>"
        f"<td>{escaping.escape(r.cause or r.message)}</td></tr>"
        for r in found.results
    )
    table = f"<details><summary>all checks</summary><table>{rows}</table></details>"
    return f"<pre>{escaping.escape(report(found))}</pre>{table}"
