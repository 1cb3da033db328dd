"""The optimizers from the literature: every number system inside the bound, every planted mistake far outside."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_vocabulary import exactly

from twinstep.bench import as_optimizer, check_optimizer
from twinstep.bench.adapter import numpy_optimizer
from twinstep.bench.compare.bounds import bounds_of
from twinstep.bench.compare.replay import replay
from twinstep.bench.compare.scenario import probe, synced_scenario
from twinstep.reference.oracle import Trajectory, exact_hyper, multiprecision
from twinstep.scratch_impls import all_specs, literature_names, load, names
from twinstep.scratch_impls._first_step import refuse_wrong_first_steps

NAMES = literature_names()
CELLS = [(name, case.name) for name in NAMES for case in load(name).cases]
each_name = pytest.mark.parametrize("name", NAMES)
each_case = pytest.mark.parametrize(("name", "case"), CELLS)


def worst(spec, hyper, dtype, seed=0, **given):
    """The largest gap of torch's tensors from NumPy's arrays, in lockstep at both kinds of start and in a replay."""
    fresh = [synced_scenario(spec, hyper, sizes=((4, 4), 7), warm=warm, dtype=dtype, seed=seed) for warm in (0, 3)]
    found = []
    for scenario in (*fresh, probe(seed, steps=given.pop("steps", 12), late=True)):
        result = replay(spec, hyper, as_optimizer(spec), numpy_optimizer(spec), scenario, dtype=dtype)
        assert result.first_failure() is None, f"{spec.name} {dtype} {scenario.name}: {result.first_failure()}"
        assert np.isfinite(result.ours[-1]).any()
        found.append(result.worst().gap_bounds)
    return max(found)


def test_they_are_found_by_name_and_asked_for():
    assert len(NAMES) >= 9 and not set(NAMES) & set(names())
    assert {spec.name for spec in all_specs()} == set(names()), "what runs over all takes no longer"
    assert as_optimizer("lamb") is as_optimizer(load("lamb"))


@each_name
def test_a_file_is_short_and_takes_right_first_steps(name):
    spec = load(name)
    file = spec.update.__code__.co_filename
    refuse_wrong_first_steps(spec, file)
    with open(file) as text:
        assert len(text.readlines()) <= 80
    assert len({case.reason for case in spec.cases}) == len(spec.cases)


@each_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_and_numpy_stay_inside_the_bound(name, case, dtype):
    assert worst(load(name), load(name).case(case).hyper, dtype) <= 0.99


@each_case
def test_the_bound_covers_the_distance_from_fifty_digits(name, case):
    spec = load(name)
    hyper, scenario = spec.hyper(**spec.case(case).hyper), probe(2, steps=5, shapes=((4, 3), (7,))).for_spec(spec)
    exact = Trajectory(spec, exact_hyper(hyper), [exactly(multiprecision(a)) for a in scenario.start])
    ours, bounds = Trajectory(spec, hyper, scenario.start), bounds_of(spec, hyper, scenario, "float64")
    for row in scenario.gradients:
        exact.step([None if g is None else exactly(multiprecision(g)) for g in row])
        ours.step(row)
        bounds.step(row)
        for unit, (x, y) in enumerate(zip(exact.params, ours.params, strict=True)):
            error = abs(np.asarray(exactly(multiprecision(np.asarray(y))) - x, dtype=np.float64)).reshape(-1)
            bound = np.reshape(bounds.read(unit, "param").error, -1)
            assert (error <= bound).all(), f"{error} apart, bound {bound}"


@pytest.mark.thorough("twenty seeds over every case, a minute for each formula")
@each_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_seed_leaves_the_bound(name, case, dtype):
    spec = load(name)
    assert max(worst(spec, spec.case(case).hyper, dtype, seed=seed, steps=30) for seed in range(20)) <= 0.99


@pytest.mark.thorough("the quick battery over each")
@each_name
def test_its_optimizer_passes_the_battery(name):
    report = check_optimizer(as_optimizer(name), quick=True)
    assert report.passed, str(report)


# What people get wrong: formula -> the text of its file, what stands there instead, and the case that is there for it.
MISTAKES = {
    "lamb": [
        ("x / where(w > 0, w, ones_like(w))", "w / where(x > 0, x, ones_like(x))", "default"),
        ("** 0.5 + eps) + weight", "** 0.5) + weight", "eps-placement"),
        ("(m / (1 - beta1**step))", "m", "betas"),
    ],
    "lars": [
        ("g + weight_decay * x\n", "g\n", "weight-decay"),
        ("lr * r * (grad + weight_decay * param)", "lr * r * grad", "weight-decay"),
        ("eta * x", "1e-3 * x", "eta"),
    ],
    "adopt": [
        ("g / maximum(v**0.5, eps)", "g / (v**0.5 + eps)", "eps"),
        ("c = (step - 1) ** 0.25", "c = step**0.25", "default"),
        ("v**0.5, eps)", "(beta2 * v + (1 - beta2) * g * g) ** 0.5, eps)", "betas"),
    ],
    "ademamix": [
        ("a * n)", "a * n / (1 - b**step))", "betas"),
        ("part * alpha, ", "alpha, ", "schedule"),
        ("step < t_alpha_beta3", "step < 2", "schedule"),
    ],
    "came": [
        ("(u - m) * (u - m) + eps[1]", "(u - m) * (u - m)", "eps"),
        ("maximum(1, mean(u * u) ** 0.5 / clip_threshold)", "1", "clipping"),
        ('beta3 * state["exp_avg_res_row"]', 'beta2 * state["exp_avg_res_row"]', "betas"),
    ],
    "cautious_adamw": [
        ("k = k / maximum(mean(k), 1e-3)", "k = 1 * k", "default"),
        ("where(m * grad > 0", "where(m * grad < 0", "default"),
        ("lr * weight_decay * param", "lr * weight_decay * param * k", "weight-decay"),
    ],
    "muon_conv": [
        ("reshape(u, (u.shape[0], -1))", "reshape(u, (u.shape[0] * u.shape[1], -1))", "lr"),
        ("max(1, rows / columns) ** 0.5", "max(1, columns / rows) ** 0.5", "lr"),
        ("maximum(norm(X), eps)", "(norm(X) + eps)", "eps"),
    ],
    "dadapt_adam": [
        ("beta2**0.5, overall", "beta2, overall", "betas"),
        ("d = maximum(d, where(length > 0, found, zeros_like(length)))", "d = 1 * d", "default"),
        ("x - c * weight_decay * x", "x - lr * weight_decay * x", "weight-decay"),
    ],
    "adamw_sr": [
        ("(m / (1 - beta1**step))", "m", "betas"),
        ("(1 - beta2**step)) ** 0.5 + eps", "(1 - beta2**step) + eps) ** 0.5", "eps-placement"),
        ('rng.rounded(x, "bfloat16")', "x", "default"),
    ],
    "shampoo": [
        ("inv_root(L, 4)", "inv_root(L, 2)", "default"),
        ("eps * eye(rows, like=param)", "0.5 * eps * eye(rows, like=param)", "eps"),
        ("grad.T @ grad", "0.5 * (grad.T @ grad)", "default"),
    ],
}  # fmt: skip


@functools.cache
def planted(name, right, wrong):
    """The formula with a mistake, run as its text says."""
    spec = load(name)
    with open(spec.update.__code__.co_filename) as file:
        text = file.read()
    assert right in text
    found = {"__name__": spec.update.__module__, "__package__": spec.update.__module__.rpartition(".")[0]}
    exec(compile(text.replace(right, wrong), name, "exec"), found)
    return replace(found["SPEC"], name=spec.name)


@pytest.mark.parametrize(("name", "right", "wrong", "case"), [(n, *rest) for n in MISTAKES for rest in MISTAKES[n]])
def test_a_planted_mistake_is_far_outside(name, right, wrong, case):
    """In the case that is there for it, by 1e5 bounds."""
    spec, mistaken = load(name), planted(name, right, wrong)
    hyper = spec.case(case).hyper
    found = []
    for scenario in (
        synced_scenario(spec, hyper, sizes=((4, 4), 7), warm=3, dtype="float64", away=(False,)),
        probe(1, steps=30),
    ):
        result = replay(spec, hyper, as_optimizer(mistaken), as_optimizer(spec), scenario, dtype="float64")
        found.append(result.worst().gap_bounds)
    assert max(found) >= 1e5, found


def test_every_formula_has_three_planted_mistakes():
    assert set(MISTAKES) == set(NAMES) and all(len(found) >= 3 for found in MISTAKES.values())


def test_stochastic_rounding_has_the_mean_of_what_it_rounds_and_nothing_else():
    """On torch's own bfloat16, and on what any other system rounds to it."""
    spec = load("adamw_sr")
    for kind in (torch.float32, torch.bfloat16):
        p = torch.nn.Parameter(torch.ones(20_000, dtype=kind))
        optimizer = as_optimizer(spec)([p], lr=1e-3, weight_decay=0)
        p.grad = torch.ones_like(p)
        optimizer.step()
        assert set(p.tolist()) == {1.0, 1.0 - 2.0**-8}, "the spacing below 1"
        assert abs(p.double().mean() - (1 - 1e-3)) < 4 * 2.0**-9 / 20_000**0.5
        assert {v.dtype for v in optimizer.state[p].values() if isinstance(v, torch.Tensor)} == {kind}
    x = np.random.default_rng(0).standard_normal(500).astype(np.float32)
    rounded = [spec.random(spec.hyper(seed=seed), 0, 1)[0].rounded(x, "bfloat16") for seed in (0, 0, 1)]
    on_torch = spec.random(spec.hyper(), 0, 1)[0].rounded(torch.from_numpy(x), "bfloat16")
    assert (rounded[0] == rounded[1]).all() and (rounded[0] != rounded[2]).any()
    assert (on_torch.numpy() == rounded[0]).all() and torch.equal(on_torch.bfloat16().float(), on_torch)


def test_dadapt_saves_and_loads_what_its_parameters_share():
    torch.manual_seed(0)
    p = torch.nn.Parameter(torch.randn(3))
    one = as_optimizer("dadapt_adam")([p], d0=1e-3)
    for _ in range(4):
        p.grad = torch.randn(3)
        one.step()
    other = as_optimizer("dadapt_adam")([p], d0=1e-3)
    other.load_state_dict(one.state_dict())
    assert other.state[p]["shared"]["d"] == one.state[p]["shared"]["d"] > 1e-3
