"""A contest: who agrees is timed on equal terms, who does not is WRONG, and nothing of a cell stays behind."""

from __future__ import annotations

import dataclasses
import gc
import math
import weakref

import pytest
import torch

from twinstep.bench.compare.scenario import probe
from twinstep.bench.speed import contest
from twinstep.scratch_impls import all_specs, load


@pytest.mark.parametrize("spec", all_specs(), ids=lambda s: s.name)
def test_every_competitor_agrees_before_it_is_timed(spec):
    for case in contest.representatives(spec):
        wrong = {name: contest.disagreement(spec, case, name, "float32") for name in contest.implementations(spec)}
        assert set(wrong.values()) == {None}, wrong


def test_what_disagrees_is_wrong_and_not_timed(monkeypatch):
    spec = load("rmsprop")
    case = spec.case("momentum")
    right = contest.factory

    def sabotaged(spec, implementation):
        made = right(spec, implementation)
        if implementation == "scratch":
            return lambda params, **hyper: made(params, **{**hyper, "alpha": 0.8})
        if implementation == "scratch-numpy":
            return lambda params, **hyper: 1 / 0
        return made

    monkeypatch.setattr(contest, "factory", sabotaged)
    held = contest.run_contest(spec, case, [(3,)], budget_s=0.0, rounds=6)
    assert held.wrong["scratch"].startswith("step 1: gap ")
    assert held.wrong["scratch-numpy"].startswith("ZeroDivisionError")
    assert set(held.times.seconds) == {"torch-forloop", "torch-foreach"}
    assert held.figures("scratch")["verdict"] == "WRONG"
    assert held.figures("scratch")["step_s"] is None
    loop = held.figures("torch-forloop")
    assert (loop["ratio"], loop["verdict"], loop["rounds"]) == (1.0, "TIE", 6)
    assert loop["floor_fraction"] == pytest.approx(held.floor_s / loop["step_s"])


def _returning_nan(make):
    """The same optimizer, whose third step leaves NaN in the parameters."""

    def wrapped(params, **hyper):
        optimizer, taken = make(params, **hyper), []
        right = optimizer.step

        def step(closure=None):
            right()
            taken.append(None)
            if len(taken) == 3:
                with torch.no_grad():
                    for param in optimizer.param_groups[0]["params"]:
                        param.fill_(math.nan)

        optimizer.step = step
        return optimizer

    return wrapped


def test_nan_is_wrong_and_not_timed(monkeypatch):
    """Where the formula does not give one: held against torch, and against the formula itself where torch has none."""
    right = contest.factory
    for optimizer in ("rmsprop", "lion"):
        spec, honest = load(optimizer), right(load(optimizer), "scratch")
        assert contest.disagreement(spec, spec.cases[0], "scratch", "float32", honest) is None  # control
        why = contest.disagreement(spec, spec.cases[0], "scratch", "float32", _returning_nan(honest))
        assert why.startswith("step 3") and "nan" in why
        monkeypatch.setattr(
            contest, "factory", lambda spec, name: _returning_nan(right(spec, name)) if name == "scratch" else
            right(spec, name),
        )  # fmt: skip
        held = contest.run_contest(spec, spec.cases[0], [(3,)], budget_s=0.0, rounds=6)
        assert set(held.wrong) == {"scratch"} and "scratch" not in held.times.seconds
        assert "nan" in held.figures("scratch")["why"]
        monkeypatch.undo()


def test_a_formula_that_gives_nan_itself_agrees_with_itself_and_is_wrong_all_the_same():
    spec = load("lion")

    def update(param, gradient, state, step, **hyper):
        after, state = spec.update(param, gradient, state, step, **hyper)
        return after * math.nan, state

    broken = dataclasses.replace(spec, update=update)
    case = broken.cases[0]
    assert contest.disagreement(spec, case, "scratch", "float32") is None  # control
    for name in contest.implementations(broken):
        assert contest.disagreement(broken, case, name, "float32") is not None, name


def test_where_the_reference_is_wrong_the_others_have_times_and_no_ratio(monkeypatch):
    spec = load("momentum")
    right = contest.factory

    def sabotaged(spec, implementation):
        return (lambda params, **hyper: 1 / 0) if implementation == "torch-forloop" else right(spec, implementation)

    monkeypatch.setattr(contest, "factory", sabotaged)
    held = contest.run_contest(spec, spec.cases[0], [(3,)], budget_s=0.0, rounds=6)
    figures = held.figures("scratch")
    assert (figures["verdict"], figures["ratio"]) == (None, None) and figures["step_s"] > 0
    assert held.figures("torch-forloop")["verdict"] == "WRONG"


@pytest.mark.parametrize("implementation", contest.implementations(load("lbfgs")))
def test_a_step_that_remembers_is_the_first_one_each_time_whoever_takes_it(implementation):
    """torch's went on, with a history of up to 200 vectors, while ours began anew: 9 GB, and another step."""
    spec = load("lbfgs")
    params = [torch.ones(3).requires_grad_()]
    params[0].grad = torch.tensor([0.5, -1.0, 2.0])
    step = contest.steps_of(contest.factory(spec, implementation), params, {})
    step()
    first = params[0].tolist()
    assert first != [1.0] * 3
    step()
    assert params[0].tolist() == first
    plain = contest.steps_of(contest.factory(load("gd"), "torch-forloop"), params, {})  # control
    plain()
    there = params[0].tolist()
    plain()
    assert params[0].tolist() != there


def test_a_cell_leaves_no_optimizer_behind(monkeypatch):
    """Peak memory is that of one cell: what the cell before built is gone, though nothing is collected while timing."""
    made, right = [], contest.stepper

    def watched(*given):
        step = right(*given)
        made.append(weakref.ref(getattr(step, "__self__", step)))
        return step

    monkeypatch.setattr(contest, "stepper", watched)
    spec = load("adam")
    contest.run_contest(spec, spec.cases[0], [(3,)], budget_s=0.0, rounds=6)
    gc.collect()
    assert len(made) == 5 and all(ref() is None for ref in made)


def test_a_contest_takes_real_steps_on_copies():
    """All implementations start from the same values, end at the same, and leave the given tensors alone."""
    spec = load("momentum")
    case = spec.case("momentum")
    start, grad = [torch.ones(3)], [torch.full((3,), 0.5)]
    for name in contest.implementations(spec):
        step = contest.stepper(spec, case, name, start, grad)
        step()
        step()
    assert start[0].tolist() == [1.0] * 3
    assert grad[0].tolist() == [0.5] * 3


def test_bare_loops_drive_every_optimizer_through_the_whole_history():
    steps = []

    class Counting(torch.optim.SGD):
        def step(self, closure=None):
            steps.append([p.grad is not None for p in self.param_groups[0]["params"]])

    spec = load("gd")
    contest.bare_loops(spec.cases[0], (Counting, Counting), probe(0, steps=10), "float32")
    assert len(steps) == 20
    assert [True, False, True] in steps  # the probe's missing gradients arrive as missing


@pytest.mark.parametrize("spec", all_specs(), ids=lambda s: s.name)
def test_bare_loops_take_what_a_replay_drives(spec):
    makes = [contest.factory(spec, "scratch"), contest.twin(spec)[1]]
    history = probe(0, steps=4)
    contest.bare_loops(spec.cases[0], makes, history.as_driven(spec, "float32"), "float32")
    if spec.dims:  # control: vectors are no matrices
        with pytest.raises((ValueError, IndexError)):
            contest.bare_loops(load("muon").cases[0], [contest.factory(load("muon"), "scratch")], history, "float32")
