"""Against exact solutions: gradient descent and momentum on a quadratic in all damping regimes.

And L-BFGS: the matrix of its two loops, its line search against torch's, the ground on which gradients drive it.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from twinstep.bench.study import problems
from twinstep.bench.study.problems.quadratic import matrix_and_start
from twinstep.reference.closed_form import damping, gradient_descent, heavy_ball, heavy_ball_by_matrix, on_quadratic
from twinstep.reference.local_model import LocalModel, closure_for, joined
from twinstep.reference.torch_paths import line_search
from twinstep.scratch_impls import lbfgs, load
from twinstep.scratch_impls._line_search import Point, strong_wolfe

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


# L-BFGS: the matrix that its two loops stand for, and the conditions that its line search promises


def remembered(seed, size=7, pairs=4):
    rng = np.random.default_rng(seed)
    steps = [rng.standard_normal(size) for _ in range(pairs)]
    changes = [s * np.arange(1, size + 1) + 0.1 * rng.standard_normal(size) for s in steps]
    state = {
        "old_stps": steps,
        "old_dirs": changes,
        "ro": [1 / (y @ s) for s, y in zip(steps, changes, strict=True)],
        "H_diag": (changes[-1] @ steps[-1]) / (changes[-1] @ changes[-1]),
    }
    return state, rng.standard_normal(size)


def inverse_hessian(state):
    """Nocedal & Wright 2006, eq. 7.16 to 7.19: the same matrix, written out."""
    size = len(state["old_stps"][0])
    matrix = state["H_diag"] * np.eye(size)
    for s, y, rho in zip(state["old_stps"], state["old_dirs"], state["ro"], strict=True):
        v = np.eye(size) - rho * np.outer(y, s)
        matrix = v.T @ matrix @ v + rho * np.outer(s, s)
    return matrix


@pytest.mark.parametrize("seed", range(5))
def test_the_two_loops_are_the_matrix_that_they_stand_for(seed):
    state, g = remembered(seed)
    d = lbfgs._direction(state, g)
    expected = -inverse_hessian(state) @ g
    gap = np.abs(d / expected - 1).max()
    assert gap <= 1e-11, f"lbfgs seed {seed}: relative gap {gap:.3g}"  # measured: 8e-13 at most over 1000 seeds
    s, y = state["old_stps"][-1], state["old_dirs"][-1]
    found = lbfgs._direction(state, y)
    assert np.allclose(found, -s, rtol=1e-11, atol=1e-13), (
        f"lbfgs seed {seed}: gap {np.abs(found + s).max():.3g} in the secant condition of the newest pair"
    )
    control = lbfgs._direction({**state, **{n: state[n][::-1] for n in ("old_stps", "old_dirs", "ro")}}, g)
    assert not np.allclose(d, control, rtol=1e-3), "control: the oldest first is another matrix"


@pytest.mark.parametrize("first", [1e-4, 1e-2, 1.0, 10.0, 1000.0])
def test_a_line_search_ends_where_both_conditions_hold(first):
    """From many points of Rosenbrock's valley, downhill; and its first trial is no end where they do not hold there."""
    bowl, rng, moved = problems.load("rosenbrock").plane.f, np.random.default_rng(0), 0

    def slope(x):
        return np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])

    for _ in range(40):
        x = rng.uniform(-2, 2, 2)
        d = -slope(x) / np.linalg.norm(slope(x))

        def at(t, x=x, d=d):
            return Point(t, bowl(*(x + t * d)), slope(x + t * d), slope(x + t * d) @ d)

        start = at(0.0)
        found, trials = strong_wolfe(at, start, first, reach=abs(d).max(), max_ls=60)
        assert found.f <= start.f + 1e-4 * found.t * start.slope and abs(found.slope) <= -0.9 * start.slope
        assert trials >= 1
        moved += found.t != first
    assert first in (1e-2, 1.0) or moved > 0, "control: a search that takes every first trial"


def line(seed):
    """t -> the value and the slope of three waves in a bowl, downhill at 0; and a first trial, too short or too far."""
    rng = np.random.default_rng(seed)
    heights, speeds, phases = rng.standard_normal(3), 10 ** rng.uniform(-1, 1, 3), rng.uniform(0, 2 * np.pi, 3)
    bowl, first = 10 ** rng.uniform(-3, 1), 10 ** rng.uniform(-3, 2)
    forward = -1 if (heights * speeds * np.cos(phases)).sum() > 0 else 1

    def at(t):
        x = forward * float(t)
        value = (heights * np.sin(speeds * x + phases)).sum() + bowl * x * x
        return float(value), float(forward * ((heights * speeds * np.cos(speeds * x + phases)).sum() + 2 * bowl * x))

    return at, float(first)


def searched(seed, max_ls, **constants):
    """Where our search ends and how often it asked."""
    at, first = line(seed)
    point = lambda t: Point(t, at(t)[0], None, at(t)[1])  # noqa: E731
    found, trials = strong_wolfe(point, point(0.0), first, reach=1.0, max_ls=max_ls, **constants)
    return found.t, trials


def searched_by_torch(seed, max_ls):
    at, first = line(seed)

    def evaluate(x, t, d):
        value, slope = at(t)
        return value, torch.tensor([slope], dtype=torch.float64)

    value, slope = evaluate(None, 0.0, None)
    along = torch.ones(1, dtype=torch.float64)
    _, _, t, trials = line_search()(evaluate, None, first, along, value, slope, slope.dot(along), max_ls=max_ls)
    return float(t), trials


def apart(ours, theirs):
    """A search ends within rounding, where two ways are equally good too."""
    return ours[1] != theirs[1] or abs(ours[0] - theirs[0]) > 1e-9 * abs(theirs[0])


@pytest.mark.parametrize("max_ls", [3, 25])
def test_the_line_search_is_torchs_on_any_line(max_ls):
    """Waves lead it into every branch that the local models of a replay may not."""
    theirs = [searched_by_torch(seed, max_ls) for seed in range(300)]
    wrong_seeds = [seed for seed in range(300) if apart(searched(seed, max_ls), theirs[seed])]
    assert not wrong_seeds, f"lbfgs max_ls {max_ls}: ours and torch's end elsewhere for the seeds {wrong_seeds}"
    for wrong in ({"c1": 1e-2}, {"c2": 0.8}):
        missed = all(not apart(searched(seed, max_ls, **wrong), theirs[seed]) for seed in range(300))
        assert not missed, f"control: with {wrong}"


@pytest.mark.parametrize("rugged", [False, True])
def test_the_gradient_of_a_local_model_is_that_of_its_loss(rugged):
    """Of the vector that a formula gets, and of the parameters that a closure moves; one has no gradient here."""
    generator = torch.Generator().manual_seed(0)
    sizes = [(4, 5), (3,), ()]
    start, given, moved = (
        [scale * torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes] for scale in (1, 1, 9)
    )
    gradients = [given[0], None, given[2]]
    params = [torch.nn.Parameter(p.clone()) for p in start]
    for p, g in zip(params, gradients, strict=True):
        p.grad = g
    closure = closure_for(params, rugged=rugged)
    assert closure() == 0 and params[0].grad is given[0] and params[1].grad is None
    for p, by in zip(params, moved, strict=True):
        p.data += by
    x = joined([p.detach() for p in params]).requires_grad_()
    loss, gradient = LocalModel.of_parts(joined(start), gradients, sizes, rugged=rugged)(x)
    (exact,) = torch.autograd.grad(loss, x, retain_graph=True)
    cell = f"a local model, rugged {rugged}"
    assert torch.allclose(gradient, exact, rtol=1e-12, atol=1e-12), f"{cell}: gap {(gradient - exact).abs().max():.3g}"
    assert not gradient[20:23].any(), f"{cell}: the parameter without a gradient has {gradient[20:23]}"
    ours = closure()
    assert torch.allclose(ours, loss, rtol=1e-12), f"{cell}: the loss is {ours} by the closure and {loss} by the model"
    gaps = (params[0].grad.reshape(-1) - exact[:20]).abs()
    assert torch.allclose(params[0].grad.reshape(-1), exact[:20]), f"{cell}, by the closure: gap {gaps.max():.3g}"
    flat = LocalModel.of_parts(joined(start), gradients, sizes)(x)[1]
    assert torch.equal(flat, gradient) is not rugged, "control: rugged ground is another"
