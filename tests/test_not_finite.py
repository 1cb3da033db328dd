"""What is not finite is wrong, whatever it is held against, unless the formula's exact value is no number either."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from twinstep.bench.adapter import as_optimizer, numpy_optimizer
from twinstep.bench.battery.judge import check_optimizer
from twinstep.bench.compare.gap import gaps
from twinstep.bench.compare.replay import replay
from twinstep.bench.compare.scenario import Scenario, probe
from twinstep.bench.gate.worker.comparison import _moved
from twinstep.bench.speed.contest import disagreement
from twinstep.bench.study import problems
from twinstep.bench.study.job import Job, run
from twinstep.scratch_impls import case, load
from twinstep.scratch_impls.spec import Spec
from twinstep.scratch_impls.vocabulary import where


def formula(update, reference=None):
    """A formula of one option, lr, that has no state."""

    def step(param, grad, state, step, *, lr=0.1):
        return update(param, grad, lr), state

    return Spec(
        name="mine", init=lambda param: {}, update=step, cases=(case("default", "defaults"),), source="here",
        reference=reference,
    )  # fmt: skip


def itself(spec, scenario=None, dtype="float64"):
    """The formula as a torch optimizer against the formula on NumPy, as the main job holds it."""
    scenario = scenario or probe(0, steps=8)
    return replay(spec, {}, as_optimizer(spec), numpy_optimizer(spec), scenario, dtype=dtype)


def plain(param, grad, lr):
    return param - lr * grad


WRONG = {
    "NaN in one element": lambda p, g, lr: where(p > 1, p * math.nan, p - lr * g),
    "NaN everywhere": lambda p, g, lr: p * math.nan,
    "infinite": lambda p, g, lr: where(p > 1, p + math.inf, p - lr * g),
    "0 / 0, and nobody else says so": lambda p, g, lr: p - lr * g / abs(g),
    "the root of a negative number, and nobody else says so": lambda p, g, lr: p - lr * g**0.5,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WRONG)
def test_a_formula_that_is_not_finite_is_wrong_beside_itself(name, dtype):
    result = itself(formula(WRONG[name]), dtype=dtype)
    assert np.isinf(result.worst().gap_bounds)
    assert "neither is finite, which proves nothing" in str(result.first_failure())
    assert itself(formula(plain), dtype=dtype).agrees  # control


@pytest.mark.parametrize("name", ["NaN in one element", "infinite"])
def test_check_and_the_benchmarks_say_so_too(name):
    spec = formula(WRONG[name])
    report = check_optimizer(spec, quick=True, checks=["one-step", "many-steps"])
    assert {result.status for result in report.results} == {"failed"}
    assert "neither is finite" in disagreement(spec, spec.cases[0], "scratch", "float32")
    assert disagreement(formula(plain), spec.cases[0], "scratch", "float32") is None  # control


def test_a_number_that_rounding_alone_loses_is_wrong():
    # exactly 1e-3 under the root in the formula, and below 0 as float64 has it
    lost = formula(lambda p, g, lr: p - lr * ((1e16 + g * 0 + 1e-3) - 1e16 - 1e-4) ** 0.5)
    assert not itself(lost).agrees
    assert np.isinf(itself(lost).worst().gap_bounds)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_divergence_beyond_the_format_is_right(dtype):
    # Each gradient a thousand times the one before, below the format's largest: parameters go beyond it.
    powers = 3.0 * np.arange(13) if dtype == "float32" else 30.7 * np.arange(11)
    gradients = tuple((np.array([1.0, -2.0]) * 10.0**power,) for power in powers)
    history = Scenario(
        name="diverges", start=(np.array([1.0, -2.0]),), gradients=gradients, lr_factors=(1.0,) * len(gradients)
    )
    result = itself(formula(lambda p, g, lr: p - lr * g * p), history, dtype)
    assert not np.isfinite(result.ours[-1]).all() and result.agrees
    momentum = {"lr": 1e5, "momentum": 0.9}
    sgd = replay(load("momentum"), momentum, as_optimizer("momentum"), torch.optim.SGD, history, dtype=dtype)
    assert not np.isfinite(sgd.ours[-1]).all() and sgd.agrees


def test_a_gradient_that_is_not_finite_leaves_no_number():
    gradients = tuple((np.array([value, 1.0]),) for value in (1.0, math.nan, 1.0, math.inf))
    history = Scenario(name="bad", start=(np.ones(2),), gradients=gradients, lr_factors=(1.0,) * 4)
    result = itself(formula(plain), history)
    assert np.isnan(result.ours[-1, 0]) and result.agrees


def test_no_number_by_the_mathematics_is_right_where_another_implementation_has_none_either():
    history = Scenario(
        name="zeros", start=(np.ones(3),), gradients=((np.array([0.0, 1.0, -1.0]),),) * 2, lr_factors=(1.0,) * 2
    )
    spec, hyper = load("adam"), {"eps": 0.0}
    result = replay(spec, hyper, as_optimizer(spec), torch.optim.Adam, history, dtype="float64")
    assert np.isnan(result.ours[0, 0]) and result.agrees

    # control: the same NaN, where the formula has a number
    class Late(as_optimizer(spec)):
        def _step_one(self, param, hyper):
            super()._step_one(param, hyper)
            param[1] = math.nan

    assert not replay(spec, hyper, Late, Late, history, dtype="float64").agrees


def test_gaps_alone_take_no_nan_for_another():
    nan, one = np.array([math.nan, math.inf, 1.0]), np.array([1.0, 1.0, 1.0])
    assert gaps(nan, nan, nan, nan).tolist() == [math.inf, math.inf, 0.0]
    assert gaps(nan, one, one, one).tolist() == [math.inf, math.inf, 0.0]
    assert gaps(nan, nan, nan, nan, np.array([True, True, False])).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("update", [WRONG["NaN everywhere"], plain])
def test_the_main_job_says_so(tmp_path, update):
    job = Job(specs=(formula(update),), problems=(problems.load("bowl"),), seeds=1, dtype="float64", out=tmp_path)
    (line,) = run(job).lines
    assert (line.gap.gap_bounds > 1) == (update is not plain)


@pytest.mark.parametrize(
    ("losses", "moved"),
    [
        ({"base": math.nan, "head": math.nan}, True), ({"base": math.inf, "head": math.inf}, True),
        ({"base": 1.0, "head": math.nan}, True), ({"base": math.nan, "head": 1.0}, True), ({"head": math.nan}, True),
        ({"base": 1.0, "head": 1.0}, False), ({"head": 1.0}, False),
    ],
)  # fmt: skip
def test_in_the_gate_a_loss_that_is_not_finite_has_moved(losses, moved):
    assert _moved(losses.get("base"), losses["head"], "float64") == moved
