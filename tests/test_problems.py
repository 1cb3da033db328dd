"""Every problem is seeded, leaves the global generators alone, and has right gradients and the minimum it states."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from objectives import each_problem, objective

from twinstep.bench.study import problems
from twinstep.bench.study.problems._problem import in_batches
from twinstep.scratch_impls import UnknownName, all_specs, case, load


def readings(o, steps=(0, 1, 40)):
    """Parameters, batch losses with their gradients, and the full loss: all that an optimizer ever sees."""
    found = [p.detach().numpy().copy() for p in o.params]
    for step in steps:
        loss = o.loss(step)
        found += [loss.detach().numpy(), *(g.numpy() for g in torch.autograd.grad(loss, o.params))]
    return [*found, np.array(o.full_loss())]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


# Seeds


@each_problem
def test_one_seed_is_one_objective_and_another_seed_another(problem, pytestconfig):
    one, again, other = (objective(problem, pytestconfig, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_equal(readings(one), readings(again))
    repeated = same(readings(one), readings(other))
    assert repeated is not problem.seeded, f"{problem.name}: seed 1 is {'seed 0 again' if repeated else 'another'}"


@each_problem
def test_two_objectives_are_independent(problem, pytestconfig):
    one, again = (objective(problem, pytestconfig) for _ in range(2))
    before = readings(again)
    with torch.no_grad():
        for p in one.params:
            p.add_(1.0)
    np.testing.assert_equal(readings(again), before)
    assert not same(before, readings(one)), f"control: {problem.name} reads the same from other parameters"


@each_problem
def test_the_global_generators_stay_untouched(problem, pytestconfig):
    def state():
        return random.getstate(), torch.get_rng_state().tolist(), [str(part) for part in np.random.get_state()]  # noqa: NPY002

    before = state()
    readings(objective(problem, pytestconfig))
    assert state() == before


FIRST_IN_A_PROCESS = """
import random, this_tree
this_tree.use_this_tree()
import torch
from twinstep.bench.study.problems import digits_softmax
before = random.getstate()
digits_softmax.digits()
assert random.getstate() == before
"""


def test_what_a_first_use_imports_leaves_the_global_generators_alone():
    """scikit-learn is imported by the first problem that needs it, and draws numbers while it is."""
    subprocess.run([sys.executable, "-c", FIRST_IN_A_PROCESS], cwd=Path(__file__).parent, check=True, timeout=120)


def test_an_epoch_holds_every_row_once_and_a_step_is_the_same_batch_whenever_it_is_asked_for():
    rows = torch.arange(12.0)

    def batches(seed, steps):
        o = in_batches([], lambda x, y: torch.stack([x, y]), rows, -rows, batch=4, seed=seed)
        return [o.loss(step)[0].tolist() for step in steps]

    first, second = batches(0, range(3)), batches(0, range(3, 6))
    assert sorted(np.ravel(first)) == sorted(np.ravel(second)) == rows.tolist()
    assert first != second
    assert batches(0, (5, 0)) == [second[2], first[0]]
    assert batches(1, range(3)) != first


# Values and gradients


def gradient_gap(o, step, seed=0):
    """|slope by central differences - by autograd| along a random unit direction, relative to the gradient's length."""
    rng = np.random.default_rng(seed)
    directions = [torch.from_numpy(np.asarray(rng.standard_normal(p.shape))) for p in o.params]
    norm = sum(float((d * d).sum()) for d in directions) ** 0.5
    directions = [d / norm for d in directions]
    gradients = torch.autograd.grad(o.loss(step), o.params)
    slope = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True))
    start, h, values = [p.detach().clone() for p in o.params], 1e-5, []
    with torch.no_grad():
        for sign in (1, -1):
            for p, x, d in zip(o.params, start, directions, strict=True):
                p.copy_(x + sign * h * d)
            values.append(float(o.loss(step)))
        for p, x in zip(o.params, start, strict=True):
            p.copy_(x)
    length = sum(float((g * g).sum()) for g in gradients) ** 0.5
    return abs((values[0] - values[1]) / (2 * h) - slope) / length


@each_problem
def test_gradients_match_finite_differences(problem, pytestconfig):
    o = objective(problem, pytestconfig, seed=1)
    for step in (0, 17):
        # Measured 6.8e-11 at most: h^2 = 1e-10 times a third derivative, and rounding, 1e-16 / h.
        assert gradient_gap(o, step) < 1e-9, f"{problem.name} step {step}: gap {gradient_gap(o, step):.3g}"


@each_problem
def test_control_a_wrong_gradient_fails(problem, pytestconfig):
    o = objective(problem, pytestconfig, seed=1)
    wrong = replace(o, loss=lambda step: 1.001 * o.loss(step) - 0.001 * o.loss(step).detach())
    assert gradient_gap(wrong, 0) > 1e-6


# The minimum, and where it lies. That of the airfoil stands in test_airfoil.py.
MINIMISERS = {"bowl": np.zeros(2), "rosenbrock": np.ones(2), "quadratic": np.zeros(20)}


@pytest.mark.parametrize("name", MINIMISERS)
def test_the_stated_minimum_is_attained_and_is_the_least(name, pytestconfig):
    problem = problems.load(name)
    o = objective(problem, pytestconfig)
    (param,) = o.params
    rng = np.random.default_rng(0)
    with torch.no_grad():
        param.copy_(torch.from_numpy(MINIMISERS[name]))
    assert o.full_loss() == problem.minimum
    assert torch.autograd.grad(o.loss(0), param)[0].abs().max() == 0
    for _ in range(20):
        with torch.no_grad():
            param.copy_(torch.from_numpy(MINIMISERS[name] + 1e-3 * rng.standard_normal(len(param))))
        assert o.full_loss() > problem.minimum


def test_every_stated_minimum_is_checked():
    assert {p.name for p in problems.all_problems() if p.minimum is not None} == {*MINIMISERS, "airfoil"}


@pytest.mark.parametrize("problem", [p for p in problems.all_problems() if p.plane], ids=lambda p: p.name)
def test_the_plane_that_is_drawn_is_the_function_that_is_trained(problem, pytestconfig):
    o = objective(problem, pytestconfig)
    x1, x2 = o.params[0].detach().numpy()
    assert problem.plane.f(x1, x2) == pytest.approx(o.full_loss(), rel=1e-15)
    assert problem.plane.x1[0] <= x1 <= problem.plane.x1[1]
    assert problem.plane.x2[0] <= x2 <= problem.plane.x2[1]
    grid = np.meshgrid(np.linspace(*problem.plane.x1, 3), np.linspace(*problem.plane.x2, 3))
    assert problem.plane.f(*grid).shape == (3, 3)


# The registry


def test_the_folder_is_the_registry():
    assert set(problems.names()) >= {"bowl", "quadratic", "rosenbrock", "airfoil", "digits-softmax", "digits-mlp"}
    for problem in problems.all_problems():
        assert problem.what, problem.name
        assert problem.source, problem.name
        assert problem.steps > 0, problem.name


def test_an_unknown_problem_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"no problem 'rosenbrok': did you mean 'rosenbrock'\?"):
        problems.load("rosenbrok")


def test_a_file_that_defines_no_problem_is_told_so(monkeypatch):
    monkeypatch.setattr(problems, "names", lambda: ("-problem",))  # _problem.py, a module that is none
    with pytest.raises(TypeError, match=r"_problem\.py must define PROBLEM"):
        problems.load.__wrapped__("-problem")


def unknown_problems(specs):
    return [f"{s.name}/{c.name}: {p}" for s in specs for c in s.cases for p in c.problems if p not in problems.names()]


def test_cases_name_problems_that_exist():
    assert unknown_problems(all_specs()) == []


def test_control_a_case_with_an_unknown_problem_is_found():
    wrong = replace(load("gd"), cases=(case("a", "misspelt", problems=("bowl", "digits_mlp")),))
    assert unknown_problems([wrong]) == ["gd/a: digits_mlp"]
