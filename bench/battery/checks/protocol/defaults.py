"""Every option that the reference has too has the same default."""

from __future__ import annotations

import inspect
from typing import Any

from ...context import Context, check, subject_of
from ...result import Failed, NotApplicable
from ..script import shown_by


@check("T1", place=5)
def defaults(c: Context) -> None:
    if c.against is None:
        raise NotApplicable("there is no reference to compare the defaults with")
    theirs = subject_of(c.against.make, c.against.label).options
    ours, missing = c.subject.options, inspect.Parameter.empty
    shared = [n for n in ours if n in theirs and missing not in (ours[n], theirs[n])]
    if not shared:
        raise NotApplicable(f"it shares no option that has a default with {c.against.label}")
    differ = [n for n in shared if _plain(ours[n]) != _plain(theirs[n])]
    if differ:
        told = ", ".join(f"{n} is {ours[n]!r}, not {theirs[n]!r}" for n in differ)
        with shown_by(c, lambda: _signature(c, {n: theirs[n] for n in differ})):
            raise Failed(
                f"defaults differ from those of {c.against.label}: {told}",
                cause=f"another default: {', '.join(differ)}",
            )


def _signature(c: Context, expected: dict[str, Any]) -> list[str]:
    return [
        "import inspect",
        f"expected = {expected!r}",
        f"options = inspect.signature({c.subject.label.partition(':')[2]}).parameters",
        "found = {name: options[name].default for name in expected}",
        "assert found == expected, f'{found}, expected {expected}'",
    ]


def _plain(value: Any) -> Any:
    return tuple(_plain(v) for v in value) if isinstance(value, (list, tuple)) else value
