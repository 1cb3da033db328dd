"""Each form of an update, seen from its signature, as a real torch optimizer and in every number system."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from test_vocabulary import exactly

from twinstep.bench import as_optimizer
from twinstep.bench.adapter import numpy_optimizer
from twinstep.bench.compare.bounds import bounds_of
from twinstep.bench.compare.replay import replay
from twinstep.bench.compare.scenario import probe, synced_scenario
from twinstep.reference.oracle import Trajectory, exact_hyper, multiprecision
from twinstep.scratch_impls import SpecError, load_file

HEAD = '''"""{what}

    x <- x - lr g
"""
from twinstep.scratch_impls import {words}Spec, case

'''
TAIL = """

SPEC = Spec(name="{name}", init=init, update=update, source="these tests", reference=None, elementwise=False,{more}
            cases=(case("default", "what one gets"), case("other", "an option ignored", {other})))
"""
OF_A_GROUP = """
def init(param):
    return {"m": 0 * param}


def init_shared(*, lr=0.1):
    return {"length": 0 * lr}


def update(params, grads, states, shared, step, *, lr=0.1):
    length = 0.5 * shared["length"] + norm(grads)
    m = tuple(0.9 * s["m"] + g for s, g in zip(states, grads))
    moved = tuple(x - lr * one / (length + 1) * (1 - 0.9**step) for x, one in zip(params, m))
    return moved, tuple({"m": one} for one in m), {"length": length}
"""
OF_ALL = OF_A_GROUP.replace("states, shared, step", "states, overall, step").replace("shared[", "overall[")
DRAWN = """
def init(param):
    return {}


def update(param, grad, state, step, rng, *, lr=0.1, seed=0):
    return param - lr * (grad + rng.normal(grad) + rng.uniform(grad)), {}
"""
AVERAGED = """
def init(param):
    return {"z": 1 * param}


def evaluation(param, state, *, lr=0.1):
    return (param - lr * state["z"]) / (1 - lr)


def update(param, grad, state, step, *, lr=0.1):
    z = state["z"] - lr * grad
    return param - 0.5 * lr * grad, {"z": z}
"""
ROLES = """
def init(param, *, role="plain"):
    return {"m": 0 * param} if role == "momentum" else {}


def update(param, grad, state, step, *, lr=0.1, role="plain"):
    if role == "plain" or ndim(param) < 2:
        return param - lr * grad, {**state}
    m = 0.9 * state["m"] + grad
    return param - lr * m, {"m": m}
"""
FORMS = {
    "of_a_group": (OF_A_GROUP, "norm, ", " init_shared=init_shared,", "lr=0.4"),
    "of_all": (OF_ALL, "norm, ", " init_shared=init_shared,", "lr=0.4"),
    "drawn": (DRAWN, "", "", "lr=0.4, seed=3"),
    "averaged": (AVERAGED, "", " evaluation=evaluation,", "lr=0.4"),
    "roles": (ROLES, "ndim, ", "", 'lr=0.4, role="momentum"'),
}  # fmt: skip


def text_of(name):
    body, words, more, other = FORMS[name]
    return HEAD.format(what=name, words=words) + body + TAIL.format(name=name, more=more, other=other)


@pytest.fixture(scope="module")
def formulas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms")
    for name in FORMS:
        (folder / f"{name}.py").write_text(text_of(name))
    return {name: load_file(folder / f"{name}.py") for name in FORMS}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_and_numpy_stay_inside_the_bound(formulas, name, dtype):
    spec = formulas[name]
    late = probe(1, steps=12, late=True)
    for one in spec.cases:
        fresh = synced_scenario(spec, one.hyper, sizes=((4, 4), 7), warm=3, dtype=dtype)
        for scenario in (late, fresh):
            found = replay(spec, one.hyper, as_optimizer(spec), numpy_optimizer(spec), scenario, dtype=dtype)
            assert found.first_failure() is None, f"{one.name} {scenario.name}: {found.first_failure()}"


@pytest.mark.parametrize("name", FORMS)
def test_the_bound_covers_the_distance_from_fifty_digits(formulas, name):
    spec, scenario = formulas[name], probe(2, steps=8)
    for one in spec.cases:
        hyper = spec.hyper(**one.hyper)
        exact = Trajectory(spec, exact_hyper(hyper), [exactly(multiprecision(a)) for a in scenario.start])
        ours, pairs = Trajectory(spec, hyper, scenario.start), bounds_of(spec, hyper, scenario, "float64")
        for row in scenario.gradients:
            exact.step([None if g is None else exactly(multiprecision(g)) for g in row])
            ours.step(row)
            pairs.step(row)
            for unit, (x, y) in enumerate(zip(exact.params, ours.params, strict=True)):
                error = np.asarray(exactly(multiprecision(np.asarray(y))) - x, dtype=np.float64)
                assert (abs(error) <= pairs.read(unit, "param").error).all()


def optimizer_of(spec, groups=1, **hyper):
    torch.manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(3, 2, dtype=torch.float64)) for _ in range(4)]
    split = [{"params": params[i::groups]} for i in range(groups)]
    return as_optimizer(spec)(split, **hyper), params


def stepped(optimizer, params, steps, first=0):
    for t in range(first, first + steps):
        torch.manual_seed(t)
        for p in params:
            p.grad = torch.randn_like(p)
        optimizer.step()
    return [p.detach().clone() for p in params]


@pytest.mark.parametrize("name", FORMS)
def test_a_run_that_is_saved_and_loaded_goes_on_as_the_unbroken_one(formulas, name):
    whole = stepped(*optimizer_of(formulas[name]), 6)
    optimizer, params = optimizer_of(formulas[name])
    stepped(optimizer, params, 3)
    kept = io.BytesIO()
    torch.save(optimizer.state_dict(), kept)
    kept.seek(0)
    other = as_optimizer(formulas[name])(params)
    other.load_state_dict(torch.load(kept, weights_only=True))
    for a, b in zip(stepped(other, params, 3, first=3), whole, strict=True):
        assert torch.equal(a, b)
    copy.deepcopy(other).step()


def test_what_a_group_has_in_common_stays_its_own(formulas):
    apart, params = optimizer_of(formulas["of_a_group"], groups=2)
    stepped(apart, params, 3)
    alone = as_optimizer(formulas["of_a_group"])(mine := [torch.nn.Parameter(p) for p in start(params)[::2]])
    for t in range(3):
        torch.manual_seed(t)
        drawn = [torch.randn_like(p) for p in params]
        for p, g in zip(mine, drawn[::2], strict=True):
            p.grad = g
        alone.step()
    assert all(torch.equal(a, b) for a, b in zip(mine, params[::2], strict=True))


def start(params):
    torch.manual_seed(0)
    return [torch.randn(3, 2, dtype=torch.float64) for _ in params]


def test_what_all_have_in_common_is_of_all_groups(formulas):
    one = stepped(*optimizer_of(formulas["of_all"]), 3)
    two = stepped(*optimizer_of(formulas["of_all"], groups=2), 3)
    assert all(torch.allclose(a, b, rtol=1e-14, atol=0) for a, b in zip(one, two, strict=True)), "in another order"
    apart = stepped(*optimizer_of(formulas["of_a_group"], groups=2), 3)
    assert not torch.allclose(apart[0], one[0]), "control"
    optimizer, params = optimizer_of(formulas["of_all"], groups=2)
    optimizer.param_groups[1]["lr"] = 0.3
    with pytest.raises(RuntimeError, match=r"lr must be the same in every group, and is 0\.1, 0\.3"):
        stepped(optimizer, params, 1)


def test_a_parameter_without_a_gradient_rests(formulas):
    optimizer, params = optimizer_of(formulas["of_a_group"])
    before = params[0].detach().clone()
    for p in params[1:]:
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert torch.equal(params[0], before) and not torch.equal(params[1], start(params)[1])
    assert [int(optimizer.state[p]["step"]) for p in params] == [0, 1, 1, 1]
    optimizer.zero_grad()
    optimizer.step()  # none has a gradient: nothing moves, nothing is counted
    assert optimizer.state[params[0]]["shared"]["step"] == 1


def test_random_numbers_come_by_seed_place_and_step_in_every_number_system(formulas):
    spec = formulas["drawn"]
    one, again = (stepped(*optimizer_of(spec), 3) for _ in range(2))
    other = stepped(*optimizer_of(spec, seed=1), 3)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    before = torch.get_rng_state(), np.random.default_rng(0).bit_generator.state
    draws = [spec.random(spec.hyper(), place, step)[0] for place, step in ((0, 1), (0, 2), (1, 1), (0, 1))]
    x = torch.zeros(1000)
    made = [d.normal(x) for d in draws]
    assert torch.equal(made[0], made[3]) and not torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])
    assert abs(made[0].mean()) < 0.1 and abs(made[0].std() - 1) < 0.1 and made[0].dtype == torch.float32
    even = spec.random(spec.hyper(), 0, 1)[0].uniform(x.bfloat16())
    assert even.min() >= 0 and even.max() < 1 and abs(even.float().mean() - 0.5) < 0.05
    assert torch.equal(torch.get_rng_state(), before[0])


def test_points_for_training_and_for_evaluation(formulas):
    optimizer, params = optimizer_of(formulas["averaged"])
    trained = stepped(optimizer, params, 3)
    optimizer.eval()
    optimizer.eval()  # twice is once
    z = [optimizer.state[p]["z"] for p in params]
    for p, x, one in zip(params, trained, z, strict=True):
        assert torch.equal(p, (x - 0.1 * one) / (1 - 0.1)) and not torch.equal(p, x)
    with pytest.raises(RuntimeError, match=r"call train\(\) first"):
        optimizer.step()
    optimizer.train()
    assert all(torch.equal(p, x) for p, x in zip(params, trained, strict=True)), "bit for bit"
    stepped(optimizer, params, 1)


def test_roles_by_option(formulas):
    """One class, and the group says which rule its parameters follow."""
    torch.manual_seed(0)
    matrix, bias = torch.nn.Parameter(torch.randn(2, 2)), torch.nn.Parameter(torch.randn(2))
    optimizer = as_optimizer(formulas["roles"])([{"params": [matrix], "role": "momentum"}, {"params": [bias]}])
    stepped(optimizer, [matrix, bias], 2)
    assert set(optimizer.state[matrix]) == {"step", "m"} and set(optimizer.state[bias]) == {"step"}


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("drawn", "step, rng, *", "step, *", "13: rng: ask for it"),
        ("drawn", ", seed=0)", ")", "must take the keyword seed"),
        ("of_a_group", "states, shared, step", "states, common, step", "shared: update must begin with (param, grad"),
        (
            "of_a_group",
            "return moved, tuple",
            "return moved[0], tuple",
            "update must return (new parameters, new",
        ),
        ("of_a_group", '{"length": length}\n', "{}\n", "in shared what init_shared makes: length"),
        ("of_a_group", '{"m": one} for', '{"n": one} for', "init makes m, which update does not return"),
        ("averaged", "*, lr=0.1):\n    return", "*, rate=0.1):\n    return", "evaluation asks for rate"),
    ],
)
def test_a_wrong_form_is_refused_when_it_is_loaded(tmp_path, name, old, new, told):
    assert old in text_of(name)
    (tmp_path / f"{name}.py").write_text(text_of(name).replace(old, new))
    with pytest.raises(SpecError) as error:
        load_file(tmp_path / f"{name}.py")
    assert told in str(error.value)
