"""Every option that the reference has too has the same default.

For a port whose formula is right and whose defaults are another framework's. The cases of every other check spell all
options out, so that this one alone sees a default.
Control: an Adam whose eps is Keras's 1e-7.
"""

from __future__ import annotations

import inspect
from typing import Any

from ...context import Context, check, subject_of
from ...result import Failed, NotApplicable
from ..reproduction import reproduced_by


@check("T1", place=5, since="0.2")
def defaults(context: Context) -> None:
    if context.against is None:
        raise NotApplicable("there is no reference to compare the defaults with")
    theirs = subject_of(context.against.make, context.against.label).options
    ours, missing = context.subject.options, inspect.Parameter.empty
    shared = [n for n in ours if n in theirs and missing not in (ours[n], theirs[n])]
    if not shared:
        raise NotApplicable(f"it shares no option that has a default with {context.against.label}")
    # A default of one side alone is no disagreement: a port may add options, and need not take them all.
    differ = [n for n in shared if _as_tuples(ours[n]) != _as_tuples(theirs[n])]
    if differ:
        differences = ", ".join(f"{n} is {ours[n]!r}, not {theirs[n]!r}" for n in differ)
        with reproduced_by(context, lambda: _script(context, {n: theirs[n] for n in differ})):
            raise Failed(
                f"defaults differ from those of {context.against.label}: {differences}",
                cause=f"another default: {', '.join(differ)}",
            )


def _script(context: Context, expected: dict[str, Any]) -> list[str]:
    return [
        "import inspect",
        f"expected = {expected!r}",
        f"options = inspect.signature({context.subject.label.partition(':')[2]}).parameters",
        "found = {name: options[name].default for name in expected}",
        "assert found == expected, f'{found}, expected {expected}'",
    ]


def _as_tuples(value: Any) -> Any:
    """betas=[0.9, 0.999] is the default betas=(0.9, 0.999)."""
    return tuple(_as_tuples(v) for v in value) if isinstance(value, (list, tuple)) else value
