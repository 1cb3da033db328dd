"""What changes in a run, many parameters, long lives: controls that no planted bug gives."""

from __future__ import annotations

import pytest
import torch
from honest_optimizers import Lion
from planted import BUGS
from planted.plain import PLAIN
from planted.plain_differentiable import DifferentiableSGD, SGDDetachesTheFirst, SGDLearnsIntoGradients

from twinstep.bench import check_optimizer
from twinstep.bench.battery.checks import differences
from twinstep.bench.battery.checks.options import option_change
from twinstep.bench.battery.context import context_for
from twinstep.scratch_impls import Case, SpecError

NAMED = {bug.name: bug.cls for bug in BUGS}


def verdict(cls, check, against=None, **arguments):
    (result,) = check_optimizer(cls, against, checks=[check], **arguments).results
    return result


@pytest.mark.parametrize("name", ["rmsprop-keeps-decay", "adam-keeps-eps"])
def test_a_value_that_is_kept_shows_without_a_reference(name):
    result = verdict(NAMED[name], "option-change")
    assert result.status == "failed" and "of one built with it" in result.message, result


@pytest.mark.parametrize("cls", PLAIN, ids=lambda cls: cls.__name__)
def test_control_values_that_are_obeyed(cls):
    assert verdict(cls, "option-change", supports=["sparse"]).status == "passed"  # one of them takes nothing else


def test_two_implementations_may_part_by_the_rounding_of_every_step():
    """Somebody's Lion beside ours, which at this seed stand 4.2 roundings apart after ten steps."""
    found = verdict(Lion, "option-change", "lion", quick=True)
    assert found.status == "passed", found


def test_control_with_the_roundings_of_one_implementation_they_fail(monkeypatch):
    monkeypatch.setattr(differences, "ROUNDINGS_A_STEP", 0)
    monkeypatch.setattr(option_change, "_differ_with", lambda *given: False)  # else it is left to who judges the rule
    assert "rounding allows" in verdict(Lion, "option-change", "lion", quick=True).message


@pytest.mark.parametrize("check", ["differentiable", "learned-options"])
def test_control_a_class_that_can_be_differentiated_passes(check):
    for against in (None, torch.optim.SGD):
        found = verdict(DifferentiableSGD, check, against)
        assert found.status == "passed", found


SHARED = [
    (SGDDetachesTheFirst, "differentiable", "a derivative is wrong"),
    (SGDLearnsIntoGradients, "learned-options", "p.grad is changed in place"),
]


@pytest.mark.parametrize(("cls", "check", "cause"), SHARED, ids=lambda x: getattr(x, "__name__", x))
def test_what_torchs_class_has_as_well_is_told_where_it_is_not_the_reference(cls, check, cause):
    found = verdict(cls, check)
    assert (found.status, found.cause) == ("failed", cause)
    excused = verdict(cls, check, torch.optim.SGD)
    assert excused.status == "not applicable" and "has it by design" in excused.message


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Rprop", "ASGD"])
def test_who_extends_a_class_of_torch_is_not_blamed_for_its_derivatives(name):
    twin = getattr(torch.optim, name)
    extended = type(name, (twin,), {})
    for check in ("differentiable", "learned-options"):
        assert verdict(extended, check, twin).status in ("passed", "not applicable")


def test_a_wrong_derivative_comes_with_a_script_that_shows_it():
    found = verdict(SGDDetachesTheFirst, "differentiable")
    assert found.cause == "a derivative is wrong" and "gradcheck" in found.reproduction
    with pytest.raises(AssertionError, match="derivative"):
        exec(found.reproduction, {})


class ForgetsItsAverage(torch.optim.ASGD):
    """Steps rightly; the average, for which it is taken, is the parameter itself."""

    def step(self, closure=None):
        loss = super().step(closure)
        for p, state in self.state.items():
            state["ax"].copy_(p.detach())
        return loss


def test_state_that_is_a_result_is_judged_as_the_parameters_are():
    """Other state is its owner's business, as long as the parameters go where they should."""
    found = verdict(ForgetsItsAverage, "many-steps", torch.optim.ASGD, dtypes=["float32"])
    assert found.status == "failed" and ".ax" in found.message, found


@pytest.mark.parametrize("name", ["nadam", "asgd", "muon"])
def test_the_reference_is_with_or_without_its_defect_as_the_subject_is(name):
    """torch has float32 numbers in NAdam and ASGD, and bfloat16 in Muon: who follows the paper is right without."""
    twin = getattr(torch.optim, {"nadam": "NAdam", "asgd": "ASGD", "muon": "Muon"}[name])
    assert context_for(name, twin).against.label.endswith(", mended")
    assert not context_for(type("Theirs", (twin,), {}), twin).against.label.endswith(", mended")
    for subject in (name, type("Theirs", (twin,), {})):
        assert verdict(subject, "one-step", twin, quick=True, dtypes=["float64"]).status == "passed"


def test_a_reference_that_was_patched_proves_nothing(monkeypatch):
    @torch.no_grad()
    def without_corrections(self, closure=None):
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                state = self.state[p]
                m, v = (state.setdefault(name, torch.zeros_like(p)) for name in ("exp_avg", "exp_avg_sq"))
                m.lerp_(p.grad, 1 - group["betas"][0])
                v.lerp_(p.grad**2, 1 - group["betas"][1])
                p.addcdiv_(m, v.sqrt() + group["eps"], value=-group["lr"])

    monkeypatch.setattr(torch.optim.Adam, "step", without_corrections)
    found = verdict(type("Theirs", (torch.optim.Adam,), {}), "many-steps", torch.optim.Adam, quick=True)
    assert found.cause == "the reference is not what its formula says", found


def test_a_case_without_end_is_no_case():
    with pytest.raises(SpecError, match="no finite number"):
        context_for(torch.optim.Adam, cases=[Case(name="far", reason="none", hyper={"betas": (0.9, float("inf"))})])
