"""The book's bowl.

    f(x1, x2) = 0.1 x1^2 + 2 x2^2          start (-5, -2), minimum 0 at (0, 0)

Twenty times steeper along x2 than along x1, which is what momentum and the adaptive methods are introduced with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ._problem import Objective, Plane, Problem, parameter, without_batches


def f(x1: Any, x2: Any) -> Any:
    return 0.1 * x1 * x1 + 2 * x2 * x2


def setup(seed: int, dtype: torch.dtype, device: str, data: Path | None) -> Objective:
    return without_batches(parameter([-5.0, -2.0], dtype, device), lambda x: f(x[0], x[1]))


PROBLEM = Problem(
    name="bowl",
    what="0.1 x1^2 + 2 x2^2 from (-5, -2), as the book draws it",
    source="Dive into Deep Learning, first Chinese edition, sections 7.4-7.6",
    steps=20,
    setup=setup,
    seeded=False,
    minimum=0.0,
    plane=Plane(f=f, x1=(-5.5, 1.0), x2=(-3.0, 1.5)),
)
