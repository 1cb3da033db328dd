"""Exact solutions of gradient descent and of heavy-ball momentum on f(x) = 1/2 a x^2, with no step taken.

    gradient descent    x_k = (1 - lr a)^k x_0
    heavy ball          x_k+2 = (1 + mu - lr a) x_k+1 - mu x_k          x_1 = (1 - lr a) x_0, from velocity 0

The second is linear, so x_k follows from the roots r of r^2 - (1 + mu - lr a) r + mu = 0:

    overdamped          two real roots       x_k = c1 r1^k + c2 r2^k
    critical            one double root      x_k = (c1 + c2 k) r^k
    underdamped         complex roots        x_k = sqrt(mu)^k (c1 cos(k w) + c2 sin(k w))

A quadratic with a matrix falls apart into one such equation for each eigenvalue.

Source      Polyak 1964; the three regimes as in Goh 2017, "Why momentum really works", Distill.
Convention  the velocity is the undampened sum of gradients with lr outside it, v_k = (x_k-1 - x_k) / lr.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable

import numpy as np


def damping(eigenvalue: float, lr: float, momentum: float) -> str:
    """The regime: "overdamped", "critical" or "underdamped"."""
    trace = 1 + momentum - lr * eigenvalue
    discriminant = trace * trace - 4 * momentum
    # Near a double root the two-root formula divides by the root of this number, so what is within rounding of 0 is 0.
    if abs(discriminant) <= 1e-12 * max(trace * trace, momentum):
        return "critical"
    return "overdamped" if discriminant > 0 else "underdamped"


def gradient_descent(eigenvalue: float, start: float, steps: int, *, lr: float) -> np.ndarray:
    """x_0 ... x_steps, shape (steps + 1,)."""
    return np.asarray(start * (1 - lr * eigenvalue) ** np.arange(steps + 1))


def heavy_ball(eigenvalue: float, start: float, steps: int, *, lr: float, momentum: float) -> np.ndarray:
    """x_0 ... x_steps, shape (steps + 1,). ValueError unless 0 < momentum < 1."""
    if not 0 < momentum < 1:
        raise ValueError(f"momentum must lie between 0 and 1, not {momentum!r}; 0 is gradient descent")
    k, trace, first = np.arange(steps + 1), 1 + momentum - lr * eigenvalue, (1 - lr * eigenvalue) * start
    regime = damping(eigenvalue, lr, momentum)
    if regime == "critical":
        root = trace / 2
        return np.asarray((start + (first / root - start) * k) * root**k)
    if regime == "underdamped":
        size = momentum**0.5
        angle = cmath.phase(complex(trace / 2, (momentum - trace * trace / 4) ** 0.5))
        # sin(angle) is not 0: that is the critical case, above.
        c2 = (first / size - start * np.cos(angle)) / np.sin(angle)
        return np.asarray(size**k * (start * np.cos(k * angle) + c2 * np.sin(k * angle)))
    # The root of larger size comes without cancellation; the other one from their product, which is mu.
    large = (trace + np.copysign((trace * trace - 4 * momentum) ** 0.5, trace)) / 2
    small = momentum / large
    c1 = (first - small * start) / (large - small)
    return np.asarray(c1 * large**k + (start - c1) * small**k)


def heavy_ball_by_matrix(eigenvalue: float, start: float, steps: int, *, lr: float, momentum: float) -> np.ndarray:
    """The same points from powers of the 2 x 2 matrix that maps (x, v) to the next (x, v): a second derivation."""
    matrix = np.array([[1 - lr * eigenvalue, -lr * momentum], [eigenvalue, momentum]])
    return np.array([(np.linalg.matrix_power(matrix, k) @ (start, 0.0))[0] for k in range(steps + 1)])


def on_quadratic(matrix: np.ndarray, start: np.ndarray, solve: Callable[[float, float], np.ndarray]) -> np.ndarray:
    """The points on f(x) = 1/2 x' A x, shape (steps + 1, n): each eigen-direction is solved on its own.

    matrix      A, symmetric, shape (n, n)
    solve       (eigenvalue, start) -> the points of one direction, such as
                `lambda a, x: heavy_ball(a, x, 100, lr=0.01, momentum=0.9)`
    """
    eigenvalues, vectors = np.linalg.eigh(matrix)
    parts = [solve(float(a), float(x)) for a, x in zip(eigenvalues, vectors.T @ start, strict=True)]
    return np.stack(parts, axis=1) @ vectors.T
