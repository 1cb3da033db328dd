"""A series of numbers as one value of a row: the numbers as text, with a space between them.

One row a series and not one a point: a point would repeat identity and environment, 450 bytes for twenty of content,
and the journal of the main job would be 11 MB a run instead of 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def pack(values: Iterable[Any], digits: int | None = None) -> str:
    """The numbers as text; every bit of them, or so many significant digits."""
    return " ".join(repr(float(v)) if digits is None else f"{float(v):.{digits}g}" for v in values)


def pack_steps(steps: Iterable[Any]) -> str:
    """Whole numbers as text."""
    return " ".join(str(int(step)) for step in steps)


def unpack(text: str) -> np.ndarray:
    """What was packed, shape (numbers,). ValueError where the text holds something else."""
    return np.array([float(word) for word in text.split()])


def thinned(count: int, most: int) -> np.ndarray:
    """At most `most` of the places 0 to count - 1, evenly, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
