"""Rosenbrock's valley.

    f(x1, x2) = 100 (x2 - x1^2)^2 + (1 - x1)^2          start (-1.2, 1), minimum 0 at (1, 1)

A narrow bent valley with a nearly flat floor: the gradient points across it, the way leads along it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ._problem import Objective, Plane, Problem, parameter, without_batches


def f(x1: Any, x2: Any) -> Any:
    across, along = x2 - x1 * x1, 1 - x1
    return 100 * across * across + along * along


def setup(seed: int, dtype: torch.dtype, device: str, data: Path | None) -> Objective:
    return without_batches(parameter([-1.2, 1.0], dtype, device), lambda x: f(x[0], x[1]))


PROBLEM = Problem(
    name="rosenbrock",
    what="Rosenbrock's valley from (-1.2, 1)",
    source="Rosenbrock 1960, The Computer Journal 3(3), 175-184",
    steps=500,
    setup=setup,
    seeded=False,
    chaotic=True,
    minimum=0.0,
    plane=Plane(f=f, x1=(-2.0, 2.0), x2=(-1.0, 3.0), log=True),
)
