"""What the gate compares of two trees, in this process: what the base shows as well is none of the head's doing."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import this_tree
import torch
from planted.one_step import SGDUphill
from planted.plain import PlainSGD

from twinstep.bench import check_optimizer
from twinstep.bench.battery.against import against_of
from twinstep.bench.battery.result import CheckResult
from twinstep.bench.battery.subject import subject_of
from twinstep.bench.gate import subjects
from twinstep.bench.gate.subjects import Subject, longest_first
from twinstep.bench.gate.trees import Tree
from twinstep.bench.gate.worker import agreement, comparison
from twinstep.bench.gate.worker.idle import does_nothing
from twinstep.reference.torch_paths import twin
from twinstep.scratch_impls import names


@pytest.fixture(scope="module")
def right():
    against = against_of(subject_of(PlainSGD), twin("SGD"))
    timed = {"default": {"lr": 0.1}}
    return Subject(name="theirs", make=PlainSGD, against=against, timed=timed, spec=against.spec)


@pytest.fixture
def wrong(right):
    return replace(right, make=SGDUphill)


class Said(list):
    """In the place of a worker's `emit`."""

    def __call__(self, kind, **body):
        self.append({"kind": kind, **body})

    def failures(self):
        return [(body["kind"], body["base_too"]) for body in self if body.get("status") == "failed" or failed(body)]


def failed(body):
    return body["kind"] == "broken" or body.get("moved") or body.get("wrong")


MEASURES = {
    "check": lambda base, head, said: comparison.battery(base, head, "float32", said, ["one-step"]),
    "loss": lambda base, head, said: comparison.losses(base, head, ["bowl"], "float64", said),
    "gap": lambda base, head, said: comparison.gap(base, head, "float32", said),
}


@pytest.mark.parametrize("kind", MEASURES)
def test_what_the_head_alone_shows_counts(kind, right, wrong):
    said = Said()
    MEASURES[kind](right, wrong, said)
    assert said.failures() == [(kind, False)]
    assert not_failing(kind, right, right)


def not_failing(kind, base, head):
    said = Said()
    MEASURES[kind](base, head, said)
    return [body["kind"] for body in said] == [kind] and not said.failures()


@pytest.mark.parametrize("kind", ["check", "gap"])
def test_what_the_base_shows_as_well_does_not_count(kind, wrong):
    said = Said()
    MEASURES[kind](wrong, wrong, said)
    assert said.failures() == [(kind, True)]


def test_a_new_optimizer_has_no_base_to_excuse_it(wrong):
    for measure in ("check", "gap"):
        said = Said()
        MEASURES[measure](None, wrong, said)
        assert said.failures() == [(measure, False)]


class Raises(PlainSGD):
    def step(self, closure=None):
        raise RuntimeError("no step")


class RaisesOtherwise(PlainSGD):
    def step(self, closure=None):
        raise KeyError("no step")


@pytest.mark.parametrize("kind", ["loss", "gap"])
def test_a_step_that_raises_is_told_of_both(kind, right):
    raises = replace(right, make=Raises)
    for base, base_too in ((right, False), (replace(right, make=RaisesOtherwise), False), (raises, True)):
        said = Said()
        MEASURES[kind](base, raises, said)
        assert [(b["kind"], b["base_too"]) for b in said if b.get("arm") == "head"] == [("broken", base_too)]


def test_an_error_class_of_each_tree_is_one_kind():
    base, head, other = (
        type(name, (ValueError,), {"__module__": module})
        for name, module in (("Refused", "_base.lib"), ("Refused", "_head.lib"), ("Other", "_head.lib"))
    )
    assert comparison.same_kind(base(), head()) and not comparison.same_kind(base(), other())
    assert not comparison.same_kind(None, head())


class Restless(PlainSGD):
    """Its steps cannot be had again."""

    numbers = torch.Generator().manual_seed(0)

    def step_one(self, p, grad, state, group):
        noise = torch.randn(p.shape, generator=self.numbers, dtype=torch.float64).to(p)
        super().step_one(p, grad * (1 + 1e-3 * noise), state, group)


def test_a_loss_that_the_base_itself_cannot_have_again_has_not_moved(right):
    restless, said = replace(right, make=Restless), Said()
    MEASURES["loss"](restless, restless, said)
    assert said.failures() == [("loss", True)]


def test_a_loss_that_is_no_number_counts_unless_the_base_has_none_either():
    nan, inf = float("nan"), float("inf")
    assert comparison._moved(1.0, nan, "float64") and comparison._moved(None, inf, "float64")
    assert comparison._moved(nan, 1.0, "float64"), "a number now"
    assert comparison._moved(1.0, 1.0 + 1e-10, "float64") and not comparison._moved(1.0, 1.0 + 1e-12, "float64")
    assert not comparison._moved(1.0, 1.0 + 1e-4, "float32") and comparison._moved(1.0, 1.1, "float32")


def test_a_failure_says_the_mistake_that_explains_it(right):
    """descends sees a loss that rises; one-step knows of a turned sign, and the report that it explains both."""
    said = Said()
    comparison.battery(None, replace(right, make=SGDUphill), "float32", said, ["one-step", "descends"])
    firsts = [body["text"].splitlines()[0] for body in said if body["status"] == "failed"]
    assert len(firsts) == 2 and all("the sign of the gradient is turned" in line for line in firsts), firsts


@pytest.fixture
def of_another_tree():
    tree = Tree("_a_tree_of_formulas", this_tree.ROOT)
    yield subjects._formula(tree, "adagrad")
    tree.unload()


def test_a_formula_of_another_tree_is_judged_as_the_command_judges_it(of_another_tree):
    """It counts a step on zeros into its decaying rate, by its rule: as a stranger's class that would be a fault."""
    checks = ["state-made-early", "state-exchange"]
    found = {r.check: r.status for r in comparison.report(of_another_tree, "float32", checks).results}
    direct = {r.check: r.status for r in check_optimizer("adagrad", quick=True, checks=checks).results}
    assert found == direct and "failed" not in found.values()
    stranger = comparison.report(replace(of_another_tree, formula=None), "float32", ["state-made-early"])
    assert stranger.counts["failed"] == 1, "control"


def result(**fields):
    same = {"check": "one-step", "key": "T1", "status": "failed", "case": "default", "dtype": "float32"}
    return CheckResult(**{**same, **fields})


def test_the_base_excuses_the_same_failure_and_no_larger_one():
    gap = result(message="step 1: gap 1.2 bounds (p0.param[0]: ours 1.0, theirs 2.0, bound 1e-8)")
    larger = result(message="step 1: gap 1.19e+06 bounds (p0.param[0]: ours 1.0, theirs 2.0, bound 1e-8)")
    assert comparison.no_worse(gap, gap) and comparison.no_worse(gap, larger)
    assert not comparison.no_worse(larger, gap)
    nan = result(message="step 1: gap nan bounds")
    assert not comparison.no_worse(nan, gap)
    assert comparison.no_worse(result(message="a"), result(message="b"))
    for other in ({"case": "other"}, {"cause": "eps"}, {"dtype": "float64"}, {"status": "passed"}):
        assert not comparison.no_worse(result(), result(**other))
    assert not comparison.no_worse(gap, result(message="it is 1 instead of 2"))


def test_workers_share_the_optimizers_and_none_is_judged_twice(tmp_path):
    first, second = (agreement._taken(["a", "b", "c"], tmp_path) for _ in range(2))
    assert [next(first), next(second), next(first)] == ["a", "b", "c"]
    assert not [*first, *second]


def test_what_takes_longest_is_judged_first():
    order = longest_first([*names(), "their_optim:TheirAdam"])
    assert order[:2] == ["lbfgs", "muon"] and order[-1] == "their_optim:TheirAdam"
    assert order == longest_first(reversed([*names(), "their_optim:TheirAdam"]))


SGD = twin("SGD")


def stepping(make=SGD, gradient=1.0):
    param = torch.nn.Parameter(torch.ones(3))
    param.grad = torch.full((3,), gradient)
    return make([param], lr=0.1), param


def test_what_does_nothing_is_seen():
    optimizer, param = stepping()
    assert does_nothing(optimizer.step) == ""
    param.grad = None
    assert "every gradient is None" in does_nothing(optimizer.step)
    still, _ = stepping(gradient=0.0)
    assert "the gradients are there" in does_nothing(still.step)
    assert does_nothing(lambda: None) == "", "no optimizer, so nothing is known of it"


def test_gradients_that_the_first_step_consumes_are_seen():
    class Consumes(SGD):
        def step(self, closure=None):
            super().step()
            self.zero_grad()

    optimizer, _ = stepping(Consumes)
    optimizer.step()
    assert "every gradient is None" in does_nothing(optimizer.step)


def test_what_moves_only_now_and_then_or_is_made_anew_each_time_does_something():
    optimizer, _ = stepping()
    calls = iter(range(100))
    assert does_nothing(lambda: optimizer.step() if next(calls) % 7 == 6 else stepping(gradient=0.0)[0].step()) == ""
    assert does_nothing(lambda: stepping()[0].step()) == ""
    hooks = functools.partial(does_nothing, optimizer.step)
    assert hooks() == hooks() == "", "hooks are taken away again"
