"""One step from synchronised state: the gap to every path of torch.optim stays inside the computed rounding bound."""

from __future__ import annotations

import pytest
from agreement_cells import each_cell, each_dtype, scratch, twin

from twinstep.bench.compare.replay import replay
from twinstep.bench.compare.scenario import synced_scenario
from twinstep.scratch_impls import load

# One size is a multiple of every vector width, the other leaves trailing elements that a kernel handles apart.
SIZES = (4096, 4099)
MATRICES = ((64, 64), (7, 41))
FEWER = ((16, 16), (7, 41))
# A fresh start, the first step after it, and a state that has settled.
WARM = (0, 1, 10)


@each_dtype
@each_cell()
def test_one_step_stays_inside_the_bound(spec, case, path, dtype, record):
    found = []
    sizes = SIZES if spec.elementwise else MATRICES
    if spec.closure:  # its steps are twenty, and each goes through all pairs that it remembers
        sizes = FEWER
    for warm in (0, 1, 3) if spec.closure else WARM:
        scenario = synced_scenario(spec, case.hyper, sizes=sizes, warm=warm, dtype=dtype)
        result = replay(spec, case.hyper, scratch(spec), twin(spec, path, dtype), scenario, dtype=dtype)
        gap = result.first_failure()
        assert gap is None, f"{spec.name}/{case.name} {dtype} {path} {scenario.name}, {gap}"
        found.append(result.worst())
    worst = max(found, key=lambda g: g.gap_bounds)
    record(
        "agreement", optimizer=spec.name, case=case.name, problem="lockstep", implementation=f"torch-{path}",
        seed=0, dtype=dtype, device="cpu", **worst.row(),
    )  # fmt: skip


# What a plain configuration prints in units in the last place with the parameter at 0 (measured, and published so):
# torch's addcdiv rounds twice, and its square root is one unit off in a fifth of the float32 values.
@pytest.mark.parametrize("path", ["forloop", "foreach"])
@each_dtype
@pytest.mark.parametrize(
    ("name", "case", "ulps"),
    [("gd", "lr", 0), ("momentum", "momentum", 0), ("adagrad", "lr", 2), ("rmsprop", "alpha", 3)],
)
def test_plain_configurations_agree_to_the_last_places(name, case, ulps, dtype, path):
    spec = load(name)
    hyper = spec.case(case).hyper
    for warm in WARM:
        scenario = synced_scenario(spec, hyper, sizes=SIZES, warm=warm, dtype=dtype, away=(False,))
        result = replay(spec, hyper, scratch(spec), twin(spec, path), scenario, dtype=dtype)
        assert result.worst_ulp("param") <= ulps, f"{name}/{case} {dtype} {path}: {result.worst()}"


# Controls: a wrong convention stands at least 1e5 bounds above a right one.
WRONG = [
    ("adagrad", {"lr": 0.1, "eps": 1e-2}, {"eps_inside": True}),
    ("rmsprop", {"lr": 0.1, "alpha": 0.9, "eps": 1e-2}, {"eps_inside": True}),
    ("rmsprop", {"alpha": 0.9}, {"eps_inside": True}),
    ("momentum", {"lr": 0.1, "momentum": 0.9}, {"lr_inside": True}),
]


@pytest.mark.parametrize(("name", "hyper", "wrong"), WRONG)
def test_control_a_wrong_convention_is_far_outside(name, hyper, wrong):
    spec = load(name)

    def mistaken(params, **given):
        return scratch(spec)(params, **given, **wrong)

    for dtype, floor in (("float32", 1e5), ("float64", 1e5)):
        scenario = synced_scenario(spec, hyper, sizes=(4096,), warm=10, away=(False,), dtype=dtype)
        gap = replay(spec, hyper, mistaken, twin(spec), scenario, dtype=dtype).worst()
        assert gap.gap_bounds >= floor, f"{name} with {wrong} would pass: {gap}"


def test_control_a_step_that_does_nothing_is_outside():
    spec = load("gd")

    class Lazy(scratch(spec)):
        def step(self, closure=None):
            return None

    scenario = synced_scenario(spec, {"lr": 0.4}, sizes=(16,), warm=0, away=(True,), dtype="float64")
    gap = replay(spec, {"lr": 0.4}, Lazy, twin(spec), scenario, dtype="float64").first_failure()
    assert gap is not None, "gd/lr 0.4 float64: a step that does nothing would pass"
    assert gap.tensor == "n=16 away from 0.param"
