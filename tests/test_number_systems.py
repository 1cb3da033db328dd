"""One formula, every number system: Python floats, NumPy, torch and multi-precision give one trajectory."""

from __future__ import annotations

import numpy as np
import torch
from agreement_cells import each_spec

from twinstep.bench.compare.bounds import bounds_of
from twinstep.bench.compare.gap import gaps
from twinstep.bench.compare.scenario import probe
from twinstep.reference.oracle import Trajectory, exact_hyper, multiprecision
from twinstep.scratch_impls import load

SCENARIO = probe(3, steps=30, shapes=((4, 5),))


def trajectory(spec, hyper, number, scenario=SCENARIO):
    """The parameters after every step, as float64 arrays."""
    scenario = scenario.for_spec(spec)
    run = Trajectory(spec, hyper, [number(a) for a in scenario.start])
    path = []
    for row, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        run.step([number(g) for g in row], factor)
        path.append(run.params[0])
    return path


def errors(spec, hyper):
    """The parameters after every step with their errors, as a replay has them."""
    scenario = SCENARIO.for_spec(spec)
    bounds = bounds_of(spec, hyper, scenario, "float64")
    for row, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        bounds.step(row, factor)
        yield bounds.read(0, "param")


def one_float(array):
    return float(array.reshape(-1)[6])


@each_spec
def test_floats_numpy_and_torch_are_one_trajectory(spec):
    for case in spec.cases:
        hyper = spec.hyper(**case.hyper)
        arrays = trajectory(spec, hyper, np.array)
        tensors = [t.numpy() for t in trajectory(spec, hyper, torch.tensor)]
        pairs = errors(spec, hyper)
        floats = trajectory(spec, hyper, one_float) if spec.elementwise else [None] * len(arrays)
        # Only the square roots differ: Python's comes from libm, torch's from a vector library, 1 ulp off at times.
        for step, (array, tensor, number, pair) in enumerate(zip(arrays, tensors, floats, pairs, strict=True), start=1):
            where = f"{spec.name}/{case.name} step {step}"
            assert gaps(array, tensor, pair.value, pair.error).max() <= 1, f"{where}: NumPy against torch"
            gap = abs(array.reshape(-1)[6] - number) / (2 * pair.error.reshape(-1)[6]) if spec.elementwise else 0
            assert gap <= 1, f"{where}: NumPy against Python floats, {gap} bounds"


@each_spec
def test_the_computed_error_covers_the_true_one(spec):
    """Against fifty digits, the float64 trajectory stays within the error that the pairs computed for it."""
    for case in spec.cases:
        hyper = spec.hyper(**case.hyper)
        exact = trajectory(spec, exact_hyper(hyper), multiprecision)
        rounded = trajectory(spec, hyper, np.array)
        pairs = errors(spec, hyper)
        for step, (exactly, ours, pair) in enumerate(zip(exact, rounded, pairs, strict=True), start=1):
            error = np.abs((multiprecision(ours) - exactly).astype(np.float64))
            assert (error <= pair.error).all(), (
                f"{spec.name}/{case.name} step {step}: {(error / pair.error).max()} bounds"
            )


def test_control_the_error_is_not_vacuous():
    """A formula that is off by one part in 1e12 leaves the error that covers rounding."""
    spec = load("rmsprop")
    hyper = spec.hyper(lr=0.1, alpha=0.9)
    exact = trajectory(spec, exact_hyper({**hyper, "alpha": 0.9 + 1e-12}), multiprecision)
    pairs = errors(spec, hyper)
    assert any(
        (np.abs((multiprecision(p.value) - t).astype(np.float64)) > p.error).any()
        for t, p in zip(exact, pairs, strict=True)
    )


def test_float32_inputs_stay_float32():
    for name in ("gd", "momentum", "adagrad", "rmsprop"):
        spec = load(name)
        for case in spec.cases:
            hyper = spec.hyper(**case.hyper)
            for make in (lambda: torch.ones(3), lambda: np.ones(3, dtype=np.float32)):
                param, state = spec.update(make(), make(), spec.start(make(), hyper), 1, **hyper)
                assert param.dtype == make().dtype
                assert all(v is None or v.dtype == make().dtype for v in state.values())
