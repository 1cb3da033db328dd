"""Gradient descent and heavy-ball momentum against exact solutions on a quadratic, in all three damping regimes."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from twinstep.bench.problems.quadratic import matrix_and_start
from twinstep.reference.closed_form import damping, gradient_descent, heavy_ball, heavy_ball_by_matrix, on_quadratic
from twinstep.scratch_impls import load

# Absolute, for starts of size 1. Measured: 5.4e-15 at most on one eigenvalue, 3.7e-13 on 20 eigenvalues up to 100,
# whose directions mix by rounding.
TOLERANCE, WHOLE_TOLERANCE = 1e-12, 1e-11
STEPS = 200
# (eigenvalue, lr, momentum). A double root lies where lr a = (1 - sqrt(mu))^2, and where it is (1 + sqrt(mu))^2.
REGIMES = {
    "overdamped": (0.05, 0.1, 0.81), "critical": (0.1, 0.1, 0.81), "underdamped": (2.0, 0.1, 0.81),
    "underdamped, alternating": (30.0, 0.1, 0.81), "critical, alternating": (22.5, 0.1, 0.25),
    "overdamped, alternating": (24.0, 0.1, 0.25),
}  # fmt: skip

each_regime = pytest.mark.parametrize(("name", "values"), REGIMES.items(), ids=[n.replace(", ", "-") for n in REGIMES])


def steps_of(name, gradient, start, steps, **hyper):
    """The formula's points, the start first."""
    spec = load(name)
    full = spec.hyper(**hyper)
    x, state, points = start, spec.start(start, full), [start]
    for step in range(1, steps + 1):
        x, state = spec.update(x, gradient(x), state, step, **full)
        points.append(x)
    return np.array(points)


def gap(ours, exact):
    return float(np.abs(ours - exact).max())


@pytest.mark.parametrize(("eigenvalue", "lr"), [(0.5, 0.1), (4.0, 0.4), (1.0, 1.0), (1.0, 0.0)])
def test_gradient_descent_on_one_eigenvalue(eigenvalue, lr):
    ours = steps_of("gd", lambda x: eigenvalue * x, 1.0, STEPS, lr=lr)
    assert gap(ours, gradient_descent(eigenvalue, 1.0, STEPS, lr=lr)) <= TOLERANCE


@each_regime
def test_heavy_ball_on_one_eigenvalue(name, values):
    eigenvalue, lr, momentum = values
    assert damping(eigenvalue, lr, momentum) == name.split(",")[0]
    exact = heavy_ball(eigenvalue, 1.0, STEPS, lr=lr, momentum=momentum)
    by_matrix = heavy_ball_by_matrix(eigenvalue, 1.0, STEPS, lr=lr, momentum=momentum)
    assert gap(exact, by_matrix) <= TOLERANCE, "the two derivations differ"
    ours = steps_of("momentum", lambda x: eigenvalue * x, 1.0, STEPS, lr=lr, momentum=momentum)
    assert gap(ours, exact) <= TOLERANCE


@pytest.mark.parametrize("seed", [0, 1])
def test_whole_quadratic(seed):
    matrix, start = matrix_and_start(seed)
    for name, solve, hyper in (
        ("gd", gradient_descent, {"lr": 0.015}),
        ("momentum", heavy_ball, {"lr": 0.004, "momentum": 0.9}),
    ):
        exact = on_quadratic(matrix, start, functools.partial(_solved, solve, hyper))
        found = gap(steps_of(name, lambda x: matrix @ x, start, 300, **hyper), exact)
        assert found <= WHOLE_TOLERANCE, f"{name}: gap {found:.3g}"


def _solved(solve, hyper, eigenvalue, start):
    return solve(eigenvalue, start, 300, **hyper)


@each_regime
@pytest.mark.parametrize("wrong", [{"dampening": 0.1}, {"nesterov": True}, {"weight_decay": 1e-3}], ids=str)
def test_control_another_rule_fails(name, values, wrong):
    eigenvalue, lr, momentum = values
    ours = steps_of("momentum", lambda x: eigenvalue * x, 1.0, STEPS, lr=lr, momentum=momentum, **wrong)
    assert gap(ours, heavy_ball(eigenvalue, 1.0, STEPS, lr=lr, momentum=momentum)) > 1e6 * TOLERANCE


def test_control_a_step_that_does_nothing_fails():
    assert gap(np.ones(STEPS + 1), gradient_descent(0.5, 1.0, STEPS, lr=0.1)) > 0.9


@pytest.mark.parametrize("momentum", [0.0, 1.0, float("nan")])
def test_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match="between 0 and 1"):
        heavy_ball(1.0, 1.0, 5, lr=0.1, momentum=momentum)
