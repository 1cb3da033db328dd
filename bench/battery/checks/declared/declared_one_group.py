"""Declared one-group: a second group is refused with an error.

Several groups are not tried then. One that takes them without a word is either right with them, and the declaration
false, or steps some of the parameters wrongly, and nobody is told.
Control: an SGD that takes groups and is declared one-group.
"""

from __future__ import annotations

from ...context import Context, check
from ...result import Failed
from ._words import only_if_declared


@check("T6", place=5, since="0.3")
def declared_one_group(context: Context) -> None:
    only_if_declared(context, "one-group")
    if not context.seen.several_groups:
        raise Failed(
            "two groups of one parameter each are taken without an error",
            cause="it is declared one-group, and refuses no second group",
        )
