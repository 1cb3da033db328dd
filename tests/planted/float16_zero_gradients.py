"""Mistakes that the check float16-zero-gradients must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam


@bug("T13", "float16-zero-gradients", "pytorch#96755", supports=("float16",))
class AdamUnderflows(PlainAdam):
    """eps is 0 in float16, and a gradient of zero gives 0/0, as in the plain class, which does not declare it."""
