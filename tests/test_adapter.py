"""The scratch optimizer takes torch's place in a training loop: groups, state_dict, closures, schedulers, hooks."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from agreement_cells import each_grouped_spec, each_spec, each_twinned_spec, scratch, twin

from twinstep.bench import adapter
from twinstep.reference.local_model import asks_for_closure
from twinstep.scratch_impls import as_shape, load, load_file


def stateful(spec):
    """The case of this formula that has most state."""
    cases = [c for c in spec.cases if c.reference == "torch"]
    return max(cases, key=lambda c: len(spec.start(1.0, spec.hyper(**c.hyper))))


def model(spec=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [as_shape(shape, spec.dims if spec else None) for shape in ((3, 2), (2,))]
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


# 0.47 of this is the most that right ones part in these tests (Muon, whose sums over rows are rounded otherwise).
RTOL, ATOL = 1e-5, 1e-7


def loss(params):
    return sum(((p - 1) ** 2).sum() for p in params)


def train(optimizer, params, steps):
    """The parameters after each step."""

    def closure():
        optimizer.zero_grad()
        value = loss(params)
        value.backward()
        return value

    path = []
    for _ in range(steps):
        if asks_for_closure(optimizer):
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        path.append([p.detach().clone() for p in params])
    return path


def first_gap(ours, theirs, *, exact=False):
    """Where two paths part, as text: the first step, how far, and in which element; "" where they agree.

    Both compute their own gradients, so that roundings add up, and replay's bounds do not hold.
    """
    for step, (left, right) in enumerate(zip(ours, theirs, strict=True), start=1):
        for i, (x, y) in enumerate(zip(left, right, strict=True)):
            gaps = (x - y).abs() / (1 if exact else ATOL + RTOL * y.abs())
            if not (gaps <= (0 if exact else 1)).all():
                at = int(gaps.argmax())
                unit = "" if exact else " tolerances"
                told = f"ours {float(x.flatten()[at])!r}, theirs {float(y.flatten()[at])!r}"
                return f"step {step}: gap {float(gaps.max()):.3g}{unit} (param {i}[{at}]: {told})"
    return ""


def assert_agree(ours, theirs, cell, *, exact=False):
    gap = first_gap(ours, theirs, exact=exact)
    assert not gap, f"{cell} float32 {gap}"


@each_grouped_spec
def test_groups_have_their_own_hyperparameters(spec):
    paths = []
    for make in (scratch(spec), twin(spec)):
        params = model(spec)
        optimizer = make([{"params": [params[0]], "lr": 0.5}, {"params": [params[1]]}], lr=0.01)
        paths.append(train(optimizer, params, 5))
    assert_agree(*paths, f"{spec.name}/groups of lr 0.5 and 0.01")
    params = model(spec)
    one_rate = train(scratch(spec)(params, lr=0.01), params, 5)
    assert first_gap(paths[0], one_rate), f"control: {spec.name} steps a group of lr 0.5 as one of lr 0.01"


@each_grouped_spec
def test_a_group_can_be_added_later(spec):
    case, paths = stateful(spec), []
    for make in (scratch(spec), twin(spec)):
        params = model(spec)
        optimizer = make([params[0]], **case.hyper)
        path = train(optimizer, params, 3)
        optimizer.load_state_dict(optimizer.state_dict())  # where torch adds an option of its own to the defaults
        optimizer.add_param_group({"params": [params[1]], "lr": 0.02})
        paths.append(path + train(optimizer, params, 3))
    assert_agree(*paths, f"{spec.name}/{case.name} with a group from step 4 on")


def test_what_steps_all_parameters_as_one_refuses_groups_as_its_twin_does():
    spec = load("lbfgs")
    for make in (scratch(spec), twin(spec)):
        with pytest.raises(ValueError, match="group"):
            make([{"params": [p]} for p in model(spec)])


@each_spec
def test_a_saved_run_continues_where_it_stopped(spec):
    case, whole = stateful(spec), model(spec)
    unbroken = train(scratch(spec)(whole, **case.hyper), whole, 8)
    first = model(spec)
    optimizer = scratch(spec)(first, **case.hyper)
    path = train(optimizer, first, 4)
    saved = pickle.loads(pickle.dumps(optimizer.state_dict()))
    second = [torch.nn.Parameter(p.detach().clone()) for p in first]
    resumed = scratch(spec)(second, lr=9.0)
    resumed.load_state_dict(saved)
    path += train(resumed, second, 4)
    assert_agree(path, unbroken, f"{spec.name}/{case.name} saved and loaded after step 4", exact=True)


@each_twinned_spec
@pytest.mark.parametrize("direction", ["to-torch", "from-torch"])
def test_state_dicts_are_exchanged_with_the_twin(spec, direction):
    case = stateful(spec)
    makers = [scratch(spec), twin(spec)] if direction == "to-torch" else [twin(spec), scratch(spec)]
    whole = model(spec)
    unbroken = train(twin(spec)(whole, **case.hyper), whole, 8)
    params = model(spec)
    first = makers[0](params, **case.hyper)
    path = train(first, params, 4)
    second = makers[1](params, **case.hyper)
    saved = first.state_dict()
    for group in saved["param_groups"]:
        for option in second.defaults:  # torch reads its own switches (foreach, fused, ...) from the saved group
            group.setdefault(option, second.defaults[option])
    second.load_state_dict(saved)
    path += train(second, params, 4)
    assert_agree(path, unbroken, f"{spec.name}/{case.name} {direction} after step 4")


@each_spec
def test_optimizers_are_copied_and_pickled(spec):
    params = model(spec)
    optimizer = scratch(spec)(params, **stateful(spec).hyper)
    train(optimizer, params, 2)
    for twin_brother in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert type(twin_brother) is type(optimizer)
        assert twin_brother.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]


@each_twinned_spec
def test_a_scheduler_drives_the_learning_rate(spec):
    case, paths = stateful(spec), []
    for make in (scratch(spec), twin(spec)):
        params, path = model(spec), []
        optimizer = make(params, **case.hyper)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
        for _ in range(6):
            path += train(optimizer, params, 1)
            scheduler.step()
        lr, expected = optimizer.param_groups[0]["lr"], spec.hyper(**case.hyper)["lr"] * 1e-3
        assert lr == pytest.approx(expected), f"{spec.name}/{case.name} after 6 steps of StepLR"
        paths.append(path)
    assert_agree(*paths, f"{spec.name}/{case.name} with StepLR")


def test_the_closure_is_called_once_with_gradients_on_and_its_loss_returned():
    params = model()
    optimizer = scratch(load("gd"))(params, lr=0.1)
    calls = []

    def closure():
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        value = loss(params)
        value.backward()
        return value

    with torch.no_grad():
        returned = optimizer.step(closure)
    assert calls == [True]
    first = loss(model()).item()
    assert returned.item() == pytest.approx(first), f"gd step 1 returned {returned.item()}; the loss was {first}"


def test_hooks_run_and_repr_shows_the_hyperparameters():
    params = model()
    optimizer = scratch(load("rmsprop"))(params, lr=0.25, alpha=0.5)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    train(optimizer, params, 1)
    assert seen == ["before", "after"]
    assert repr(optimizer).startswith("ScratchRmsprop (")
    assert "alpha: 0.5" in repr(optimizer)


@pytest.mark.parametrize(
    ("name", "hyper"),
    [
        ("gd", {"lr": -1.0}),
        ("momentum", {"momentum": -0.1}),
        ("momentum", {"weight_decay": -0.1}),
        ("momentum", {"nesterov": True}),
        ("momentum", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        ("adagrad", {"lr_decay": -1.0}),
        ("adagrad", {"initial_accumulator_value": -1.0}),
        ("adagrad", {"eps": -1.0}),
        ("rmsprop", {"alpha": -1.0}),
        ("rmsprop", {"eps": float("nan")}),
        ("rmsprop", {"no_such_option": 1}),
    ],
)
def test_bad_hyperparameters_raise_what_torch_raises(name, hyper):
    spec = load(name)
    with pytest.raises((ValueError, TypeError)) as theirs:
        twin(spec)(model(), **hyper)
    with pytest.raises(theirs.type):
        scratch(spec)(model(), **hyper)
    with pytest.raises(theirs.type):  # a group may not smuggle in what the constructor refuses
        scratch(spec)([{"params": model(), **hyper}])


@pytest.mark.parametrize("option", ["lr", "momentum", "weight_decay"])
def test_nan_is_refused_where_torch_lets_it_pass(option):
    """torch.optim.SGD checks `lr < 0`, which NaN passes."""
    with pytest.raises(ValueError, match=f"invalid {option}: nan"):
        scratch(load("momentum"))(model(), **{option: float("nan")})


def test_inputs_are_left_alone_and_state_is_not_shared():
    """The first velocity is the gradient's value, and must not be the gradient's tensor."""
    params = model()
    optimizer = scratch(load("momentum"))(params, lr=0.1, momentum=0.9)
    loss(params).backward()
    before = [p.grad.clone() for p in params]
    optimizer.step()
    for i, (p, gradient) in enumerate(zip(params, before, strict=True)):
        assert torch.equal(p.grad, gradient), (
            f"momentum step 1 changed the gradient of param {i}: {gradient} to {p.grad}"
        )
        buffer = optimizer.state[p]["momentum_buffer"]
        shared = buffer.untyped_storage().data_ptr() == p.grad.untyped_storage().data_ptr()
        assert not shared, f"momentum step 1: momentum_buffer of param {i} is its gradient's memory"


def test_a_state_that_begins_as_the_parameter_keeps_its_first_value():
    """MADGRAD's x0. The formula hands on what it was given, which is the parameter's own tensor in the first step."""
    start = torch.tensor([1.0, -2.0])
    p = torch.nn.Parameter(start.clone())
    optimizer = scratch(load_file(Path(__file__).parent / "strangers" / "formulas" / "madgrad.py"))([p])
    for _ in range(3):
        p.grad = torch.ones(2)
        optimizer.step()
    assert torch.equal(optimizer.state[p]["x0"], start) and not torch.equal(p, start)


@pytest.mark.thorough("compiling takes 10 to 20 s")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
def test_a_compiled_update_gives_the_same_numbers():
    if not shutil.which(os.environ.get("CXX", "g++")) and not shutil.which("clang++"):
        pytest.skip("torch.compile needs a C++ compiler, and there is none")
    spec = load("rmsprop")
    eager, compiled = model(), model()
    expected = train(adapter.as_optimizer(spec)(eager, lr=0.1), eager, 3)
    found = train(adapter.as_optimizer(spec, compiled=True)(compiled, lr=0.1), compiled, 3)
    assert_agree(found, expected, "rmsprop/lr 0.1 compiled against eager")


def test_every_formula_has_an_importable_class():
    assert adapter.ScratchGd is adapter.as_optimizer("gd")
    with pytest.raises(AttributeError):
        adapter.ScratchNothing  # noqa: B018


def test_a_sparse_gradient_steps_what_it_touches_and_nothing_else():
    """Against torch's class, with an index that comes twice and rows that come late."""
    tables = [torch.nn.Parameter(torch.arange(12.0, dtype=torch.float64).reshape(6, 2)) for _ in range(2)]
    spec = load("sparse_adam")
    optimizers = [make([p], lr=0.1) for make, p in zip((scratch(spec), twin(spec)), tables, strict=True)]
    for rows in ([4, 1, 4], [1, 5, 5], [4, 5, 1]):
        values = torch.tensor(rows, dtype=torch.float64)[:, None] - torch.tensor([[0.5, 3.0]], dtype=torch.float64)
        for p, optimizer in zip(tables, optimizers, strict=True):
            p.grad = torch.sparse_coo_tensor([rows], values, (6, 2), check_invariants=True)
            optimizer.step()
    ours, theirs = (table.detach() for table in tables)
    gap = float(((ours - theirs).abs() / theirs.abs().clamp(min=1e-300)).max())
    assert gap <= 1e-14, f"sparse_adam float64 step 3: relative gap {gap:.3g} (ours {ours}, theirs {theirs})"
    at_rest = torch.tensor([[0.0, 1], [4, 5], [6, 7]], dtype=torch.float64)
    assert torch.equal(ours[[0, 2, 3]], at_rest), f"sparse_adam float64 step 3 moved rows 0, 2 or 3: {ours}"


def test_a_rule_that_is_not_sparse_refuses_sparse_gradients():
    (p,) = params = [torch.nn.Parameter(torch.ones(2, 2))]
    p.grad = torch.ones(2, 2).to_sparse()
    with pytest.raises(RuntimeError, match="does not support sparse gradients"):
        scratch(load("adam"))(params).step()
