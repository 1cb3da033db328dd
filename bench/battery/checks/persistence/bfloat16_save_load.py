"""With bfloat16 parameters the same, for state that is kept wider as well: torch's own loading casts that."""

from __future__ import annotations

from ...context import Context, check, declared
from ..equal import some_cases
from ._resume import goes_on


@check("T9", place=2)
def bfloat16_save_load(context: Context) -> None:
    declared(context, "bfloat16")
    for case in some_cases(context):
        goes_on(context, case, "bfloat16")
