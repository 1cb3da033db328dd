"""An ill-conditioned quadratic.

    f(x) = 1/2 x' A x          A = Q diag(0.01 ... 100) Q', 20 eigenvalues in equal ratios; minimum 0 at 0

The rotation Q is random, so no coordinate is an eigen-direction; adaptive methods, which scale coordinates, gain
nothing from the axes. Gradient descent and momentum have closed-form solutions on it (`reference.closed_form`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ._problem import Objective, Problem, parameter, without_batches

DIMENSION = 20
EIGENVALUES = np.geomspace(1e-2, 1e2, DIMENSION)  # condition number 1e4


def matrix_and_start(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A, symmetric (20, 20), and x_0 ~ N(0, 1), (20,)."""
    rng = np.random.default_rng([seed, 0])
    q, r = np.linalg.qr(rng.standard_normal((DIMENSION, DIMENSION)))
    q = q * np.sign(np.diag(r))  # makes Q uniform over all rotations and reflections (Mezzadri 2007)
    matrix = (q * EIGENVALUES) @ q.T
    # Symmetric to the last bit: the gradient that autograd gives is that of (A + A') / 2.
    return (matrix + matrix.T) / 2, rng.standard_normal(DIMENSION)


def setup(seed: int, dtype: torch.dtype, device: str, data: Path | None) -> Objective:
    matrix, start = matrix_and_start(seed)
    a = torch.tensor(matrix, dtype=dtype, device=device)
    return without_batches(parameter(start, dtype, device), lambda x: 0.5 * torch.dot(x, a @ x))


PROBLEM = Problem(
    name="quadratic",
    what="20-dimensional quadratic of condition number 1e4, rotated at random",
    source="the standard test of first-order methods; Nocedal & Wright 2006, section 3.3",
    steps=300,
    setup=setup,
    minimum=0.0,
)
