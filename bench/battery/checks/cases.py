"""Which of the context's cases and dtypes a check judges."""

from __future__ import annotations

from ....scratch_impls import Case
from ..cases import DEFAULT
from ..context import Context


def cases_of(context: Context, *, every: bool = False) -> list[Case]:
    """The cases to judge, the defaults where none is given; of a quick battery the first and the richest.

    every       all of them in any event: for faults that one option alone shows, known ones among them
    """
    if context.quick and not every:
        return first_and_richest(context)
    return list(context.cases) or [DEFAULT]


def first_and_richest(context: Context) -> list[Case]:
    """The case of the defaults and the one with most options, once if they are one."""
    if not context.cases:
        return [DEFAULT]
    return list({case.name: case for case in (context.cases[0], context.richest)}.values())


def best_dtype(context: Context) -> str:
    """float64 where it is judged, since there the tolerance is furthest from every mistake."""
    return "float64" if "float64" in context.dtypes else context.dtypes[0]
