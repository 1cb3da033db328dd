"""Softmax regression on handwritten digits.

    loss = mean cross entropy of softmax(x W + b)          W = 0, b = 0; batches of 64, 6 epochs, shuffled

1797 images of 8 x 8 pixels and 17 grey levels, scaled to [0, 1]. Convex, without a least loss: the classes can be
separated, so the loss falls towards 0 for ever.

Source      Alpaydin & Kaynak 1998, UCI dataset 80; the copy that scikit-learn ships.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ._problem import Objective, Problem, in_batches, parameter

BATCH, EPOCHS = 64, 6
STEPS = 1797 // BATCH * EPOCHS


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels in [0, 1], float64 (1797, 64), and classes, int64 (1797,)."""
    before = random.getstate()
    from sklearn.datasets import load_digits  # a second to import, and needed by nothing else

    random.setstate(before)  # some versions import rich's progress bars, which draw numbers for their styles' links
    pixels, classes = load_digits(return_X_y=True)
    # Grey levels are 0 to 16; cross_entropy takes classes as int64 alone.
    return pixels / 16, classes.astype(np.int64)


def setup(seed: int, dtype: torch.dtype, device: str, data: Path | None) -> Objective:
    pixels, classes = digits()
    x, y = torch.tensor(pixels, dtype=dtype, device=device), torch.tensor(classes, device=device)
    w, b = parameter(np.zeros((64, 10)), dtype, device), parameter(np.zeros(10), dtype, device)
    return in_batches([w, b], lambda x, y: cross_entropy(x @ w + b, y), x, y, batch=BATCH, seed=seed)


PROBLEM = Problem(
    name="digits-softmax",
    what="softmax regression on scikit-learn's handwritten digits",
    source="Alpaydin & Kaynak 1998, UCI dataset 80, DOI 10.24432/C50P49",
    steps=STEPS,
    setup=setup,
)
