"""Linear regression on airfoil self-noise, as the book does it.

    loss = 1/2 mean (x w + b - y)^2          w ~ N(0, 0.01^2), b = 0; batches of 10, 2 epochs, shuffled

Source      Dive into Deep Learning, first Chinese edition, section 7.3; the data: see `_airfoil_download.py`.
Shapes      x (1500, 5), y (1500,), w (5,), b (): all of one shape after the product, so that nothing broadcasts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ._airfoil_download import airfoil_regression, airfoil_table
from ._problem import Objective, Problem, in_batches, parameter

BATCH, EPOCHS = 10, 2


def setup(seed: int, dtype: torch.dtype, device: str, data: Path | None) -> Objective:
    features, labels = airfoil_regression(airfoil_table(data))
    x, y = (torch.tensor(a, dtype=dtype, device=device) for a in (features, labels))
    w = parameter(0.01 * np.random.default_rng([seed, 0]).standard_normal(x.shape[1]), dtype, device)
    b = parameter(0.0, dtype, device)

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 0.5 * (x @ w + b - y).square().mean()

    return in_batches([w, b], loss, x, y, batch=BATCH, seed=seed)


PROBLEM = Problem(
    name="airfoil",
    what="linear regression on NASA's airfoil self-noise data",
    source="Brooks, Pope, Marcolini 1989, NASA RP-1218; UCI dataset 291, DOI 10.24432/C5VW2C",
    steps=1500 // BATCH * EPOCHS,
    setup=setup,
    minimum=0.241687955,  # least squares, to nine digits
)
