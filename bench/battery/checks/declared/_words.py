"""Whether something is declared, for the checks that hold an optimizer to its word."""

from __future__ import annotations

from ...context import Context
from ...result import NotDeclared


def only_if_declared(context: Context, word: str) -> None:
    """NotDeclared where the author did not say so."""
    if word not in context.declared:
        raise NotDeclared(f"declare it with --declare {word}, where it is so by design")
