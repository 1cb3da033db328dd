"""The same gradients for many steps: every parameter and state tensor agrees with torch.optim at every step."""

from __future__ import annotations

import functools

import pytest
import torch
from agreement_cells import (
    each_case,
    each_cell,
    each_defect,
    each_dtype,
    each_path,
    each_twinned_spec,
    richest,
    scratch,
    torch_cases,
    twin,
)

from twinstep.bench.compare.replay import replay
from twinstep.bench.compare.scenario import probe
from twinstep.reference import torch_paths
from twinstep.reference.known_defects import known_defect
from twinstep.scratch_impls import load


def judge(spec, case, path, dtype, scenario, record, *, theirs=None):
    theirs = theirs or twin(spec, path, dtype)
    result = replay(spec, case.hyper, scratch(spec), theirs, scenario, dtype=dtype)
    gap = result.first_failure()
    assert gap is None, f"{spec.name}/{case.name} {dtype} {path} {scenario.name} {gap}"
    record(
        "agreement", optimizer=spec.name, case=case.name, problem=scenario.name, implementation=f"torch-{path}",
        seed=0, dtype=dtype, device="cpu", **result.worst().row(),
    )  # fmt: skip


def judge_probe(spec, case, path, dtype, record, **steps):
    """With a parameter that starts late, wherever torch itself survives one."""
    late = known_defect(spec.reference, path, "late-start", case.hyper, "float32") is None
    judge(spec, case, path, dtype, probe(0, late=late, **steps), record)


@each_case()
def test_twenty_four_steps_agree(spec, case, record):
    """Of every case, what one step from any state does not show: how state and rates go on. That is the rule's.

    In the format in which rounding hides least. One step in both formats is judged on every path by test_lockstep. Of a
    probe 24 steps have every regime: each third has its lr, and every seventh step lacks a gradient.
    """
    judge_probe(spec, case, "forloop", "float64", record, steps=24)


@each_dtype
@each_path
def test_sixty_steps_agree(spec, path, dtype, record):
    """On every path, of the case with most options, so with most state."""
    judge_probe(spec, richest(spec), path, dtype, record)


@pytest.mark.thorough("six hundred runs, half a minute")
@each_dtype
@each_cell()
def test_sixty_steps_of_every_case_agree_on_every_path(spec, case, path, dtype, record):
    judge_probe(spec, case, path, dtype, record)


@each_defect("late-start")
def test_known_defects_of_torch_are_still_there(spec, case, path, dtype, record):
    """Strict: once torch is mended this fails, and the defect leaves the list."""
    as_it_is = functools.partial(torch_paths.build, spec.reference, path)
    judge(spec, case, path, dtype, probe(1, steps=15, late=True), record, theirs=as_it_is)


@each_twinned_spec
def test_four_hundred_steps_agree(spec, record):
    """The case with most options: drift, and counters that stick, need a long run and no grid."""
    judge(spec, richest(spec), "forloop", "float32", probe(2, steps=400), record)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: its paths are judged where one is present")
def test_sixty_steps_agree_on_cuda(subtests):
    for spec, case in torch_cases():
        for path in torch_paths.paths(spec.reference):
            with subtests.test(f"{spec.name}/{case.name} {path}"):
                result = replay(spec, case.hyper, scratch(spec), twin(spec, path), probe(0), device="cuda")
                assert result.first_failure() is None, f"{spec.name}/{case.name} {path}: {result.first_failure()}"


@each_dtype
@each_twinned_spec
def test_the_truth_steps_from_where_the_optimizers_are_set(spec, dtype):
    """Set equal after each step, two right ones stay within their errors of the formula; it had stepped from elsewhere,
    since in float64 it was handed the memory that the next step writes into."""
    case = richest(spec)
    result = replay(spec, case.hyper, scratch(spec), twin(spec, dtype=dtype), probe(0, steps=6), dtype=dtype,
                    equal_params=True)  # fmt: skip
    away, allowed = abs(result.ours - result.value), 2 * result.error
    beyond = [
        (step + 1, element, away[step, element]) for step, element in zip(*(away > allowed).nonzero(), strict=True)
    ]
    assert not beyond, f"{spec.name}/{case.name} {dtype}: step, element and gap to the formula's value: {beyond[:3]}"


# (formula, option) -> the first case that gives it a value of its own
OPTIONS = {
    (spec.name, option): (spec, case, option)
    for spec, case in reversed(torch_cases())
    for option, value in case.hyper.items()
    if value != spec.defaults[option]
}


@pytest.mark.parametrize(
    ("spec", "case", "option"), OPTIONS.values(), ids=["/".join(name_and_option) for name_and_option in OPTIONS]
)
def test_control_an_ignored_option_fails(spec, case, option):
    """Whatever option of a case the optimizer ignores, the replay against torch notices."""
    rest = {k: v for k, v in case.hyper.items() if k != option}
    try:
        spec.hyper(**rest)
    except ValueError:
        return  # nesterov without momentum is refused, so it cannot be silently ignored
    # What couples elements by sums has wide bounds in float32.
    dtype = "float32" if spec.elementwise else "float64"
    theirs = twin(spec, dtype=dtype)
    result = replay(spec, case.hyper, theirs, theirs, probe(0, steps=24), dtype=dtype, their_hyper=rest)
    assert result.first_failure() is not None, f"{spec.name}/{case.name} is the same without {option}"


def test_control_lr_inside_the_velocity_shows_only_when_lr_changes():
    spec = load("momentum")
    hyper = {"lr": 0.1, "momentum": 0.9}

    def inside(params, **given):
        return scratch(spec)(params, **given, lr_inside=True)

    steady = probe(0, steps=30)
    changing = replay(spec, hyper, inside, twin(spec), steady, dtype="float64").worst()
    assert changing.gap_bounds > 1e5, f"momentum with lr inside would pass: {changing}"
    constant = probe(0, steps=9)  # lr first changes in the third step
    first = replay(spec, hyper, inside, twin(spec), constant, dtype="float64")
    params = [start for name, start in first.slots if name.endswith("param")]
    assert (first.gap_bounds[:2, params] <= 2).all(), "at a constant lr the two conventions are one rule"


def test_control_a_buffer_that_is_the_gradient_fails():
    """The velocity of step 1 kept as a reference to p.grad reads the next gradient."""
    spec = load("momentum")

    class Aliasing(scratch(spec)):
        def _step_one(self, param, hyper):
            first = not self.state[param]
            super()._step_one(param, hyper)
            if first:
                self.state[param]["momentum_buffer"] = param.grad

    gap = replay(spec, {"momentum": 0.9}, Aliasing, twin(spec), probe(0), dtype="float32").first_failure()
    assert gap is not None and gap.step <= 2, f"momentum that keeps p.grad float32: {gap}"


def test_control_drift_that_one_step_hides_is_seen():
    """A factor of 1 + 3e-7 on each step is inside one step's bound of float32 and outside the bound of the run."""
    spec = load("gd")

    class Drifting(scratch(spec)):
        def _step_one(self, param, hyper):
            super()._step_one(param, {**hyper, "lr": hyper["lr"] * 1.0001})

    result = replay(spec, {"lr": 0.1}, Drifting, twin(spec), probe(0), dtype="float32")
    assert result.first_failure() is not None, f"gd that drifts would pass float32: {result.worst()}"
