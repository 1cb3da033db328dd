"""Problem and Objective: what an optimizer is trained on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One seeded instance of a problem.

    params      what is trained
    loss        step 0, 1, 2, ... -> the differentiable loss of that step's batch; the same step is the same batch
    full_loss   the loss over all the data, a float: what is reported
    """

    params: list[nn.Parameter]
    loss: Callable[[int], Tensor]
    full_loss: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Plane:
    """How a 2-D problem is drawn.

    f           (x1, x2) -> value, elementwise on NumPy arrays
    x1, x2      the axis limits
    log         contour levels on a logarithmic scale, where values span orders of magnitude
    """

    f: Callable[[Any, Any], Any]
    x1: tuple[float, float]
    x2: tuple[float, float]
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A seeded objective and what is known of it.

    what        one line
    source      where the problem comes from
    steps       optimizer steps of one training run
    setup       (seed, dtype, device, data) -> Objective; data is a path that the user gave, or None. Two Objectives of
                one seed are identical and independent, and torch's and NumPy's global generators stay untouched.
                Raises DataError and DataUnavailable (see `_airfoil_download.py`) where data is needed
    seeded      False: the seed changes nothing, so one run says all
    chaotic     True: the closed loop amplifies rounding, so that right implementations end apart
    minimum     the least loss that is attained; None where there is no least one or nobody knows it
    plane       for 2-D problems, else None
    """

    name: str
    what: str
    source: str
    steps: int
    setup: Callable[[int, torch.dtype, str, Path | None], Objective]
    seeded: bool = True
    chaotic: bool = False
    minimum: float | None = None
    plane: Plane | None = None


def parameter(values: Any, dtype: torch.dtype, device: str) -> nn.Parameter:
    """A parameter with its own copy of the values."""
    # By way of float64: in every format the start is the same number, rounded once.
    return nn.Parameter(torch.tensor(np.asarray(values, dtype=np.float64), dtype=dtype, device=device))


def without_batches(param: nn.Parameter, f: Callable[[Tensor], Tensor]) -> Objective:
    """The Objective of a function of one parameter, which has no batches."""

    @torch.no_grad()
    def full_loss() -> float:
        return float(f(param))

    return Objective(params=[param], loss=lambda step: f(param), full_loss=full_loss)


def in_batches(
    params: list[nn.Parameter], loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, *, batch: int, seed: int
) -> Objective:
    """The Objective of a mean loss(x, y) over the rows of x and y, which are shuffled anew for every epoch.

    The rows of an epoch that fill no batch are left out of it.
    """
    rows = len(x)
    per_epoch = rows // batch

    @functools.lru_cache(maxsize=1)
    def shuffled(epoch: int) -> tuple[Tensor, Tensor]:
        # A generator for each epoch, not one that moves on: a step's batch depends on nothing but seed and step.
        order = torch.from_numpy(np.random.default_rng([seed, 1, epoch]).permutation(rows)).to(x.device)
        # One epoch is kept (lru_cache): training goes through them in order.
        return x[order], y[order]

    def batch_loss(step: int) -> Tensor:
        epoch, k = divmod(step, per_epoch)
        chosen = slice(k * batch, (k + 1) * batch)
        xs, ys = shuffled(epoch)
        return loss(xs[chosen], ys[chosen])

    @torch.no_grad()
    def full_loss() -> float:
        return float(loss(x, y))

    return Objective(params=params, loss=batch_loss, full_loss=full_loss)
