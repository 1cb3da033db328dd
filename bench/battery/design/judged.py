"""What is under judgement while a check runs: its shapes, what is so by design, and what is left out and why."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..result import NotApplicable
from .declarations import DECLARATIONS
from .seen import Shape

if TYPE_CHECKING:
    from ..context import Context


def not_by_design(context: Context, *words: str) -> None:
    """NotApplicable where one of these is declared, or seen to be so, so that the opposite may not be assumed."""
    if "stochastic" in words and context.draws:
        raise NotApplicable(f"{context.draws}: two runs that draw for other tensors cannot be compared")
    if "coupled" in words and context.seen.coupled_reference:
        raise NotApplicable(context.seen.coupled_reference)
    formula = context.against.spec if context.against is not None else None
    if "group-state" in words and formula is not None and formula.together:
        raise NotApplicable(context.seen.coupled_reference or f"{formula.name} steps several parameters at once")
    for word in words:
        if word in context.declared:
            raise NotApplicable(f"declared {word}: {DECLARATIONS[word].what}")


# Who is judged right now. No check need know of it: parameters have the shapes that it takes, and an error is told as
# the fault of whose it is. And what a check has to say beside its verdict.
_JUDGED: ContextVar[Context | None] = ContextVar("judged", default=None)
_NOTES: ContextVar[list[str] | None] = ContextVar("notes", default=None)


@contextlib.contextmanager
def judged_as(context: Context) -> Iterator[list[str]]:
    """While inside, `parameters` makes such shapes as the subject takes; gives what `note` is told."""
    notes: list[str] = []
    tokens = _JUDGED.set(context), _NOTES.set(notes)
    try:
        yield notes
    finally:
        _JUDGED.reset(tokens[0])
        _NOTES.reset(tokens[1])


def note(text: str) -> None:
    """What a check leaves out, and why, for the report of one that passes."""
    notes = _NOTES.get()
    if notes is not None and text and text not in notes:
        notes.append(text)


def judged() -> Context | None:
    """The innermost context that is `judged_as`."""
    return _JUDGED.get()


def fitted(shape: Shape) -> Shape:
    """The shape that the subject under judgement takes for one that a check asks for."""
    context = _JUDGED.get()
    return tuple(shape) if context is None else context.seen.fit(shape)
