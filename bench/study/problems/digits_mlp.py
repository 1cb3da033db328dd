"""A small network on handwritten digits: 64 pixels, 32 hidden units with tanh, 10 classes.

    loss = mean cross entropy of softmax(tanh(x W1 + b1) W2 + b2)

Weights and biases start uniform within 1 / sqrt(inputs), as torch.nn.Linear's do; batches of 64, 6 epochs, shuffled.
tanh, not ReLU: a smooth loss has a derivative at every point, which finite differences can check.

Source      Alpaydin & Kaynak 1998, UCI dataset 80; the copy that scikit-learn ships.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ._problem import Objective, Problem, in_batches, parameter
from .digits_softmax import BATCH, STEPS, digits

SIZES = (64, 32, 10)


def setup(seed: int, dtype: torch.dtype, device: str, data: Path | None) -> Objective:
    pixels, classes = digits()
    x, y = torch.tensor(pixels, dtype=dtype, device=device), torch.tensor(classes, device=device)
    # A second number beside the seed: `in_batches` shuffles with [seed, 1, epoch], so the two streams never meet.
    rng = np.random.default_rng([seed, 0])
    params = [
        parameter(rng.uniform(-(inputs**-0.5), inputs**-0.5, shape), dtype, device)
        for inputs, outputs in pairwise(SIZES)
        for shape in ((inputs, outputs), (outputs,))
    ]
    w1, b1, w2, b2 = params

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(torch.tanh(x @ w1 + b1) @ w2 + b2, y)

    return in_batches(params, loss, x, y, batch=BATCH, seed=seed)


PROBLEM = Problem(
    name="digits-mlp",
    what="a network of 32 hidden units on scikit-learn's handwritten digits",
    source="Alpaydin & Kaynak 1998, UCI dataset 80, DOI 10.24432/C50P49",
    steps=STEPS,
    setup=setup,
)
