"""With differentiable=True a loss after the steps has right derivatives by what came before them."""

from __future__ import annotations

import pytest
import torch
from planted.plain_differentiable import DifferentiableSGD, SGDDetachesTheFirst

from .one_check import verdict


def test_control_a_class_that_can_be_differentiated_passes():
    for against in (None, torch.optim.SGD):
        found = verdict(DifferentiableSGD, "differentiable", against)
        assert found.status == "passed", str(found)


def test_what_torchs_class_has_as_well_is_told_where_it_is_not_the_reference():
    found = verdict(SGDDetachesTheFirst, "differentiable")
    assert (found.status, found.cause) == ("failed", "a derivative is wrong"), str(found)
    excused = verdict(SGDDetachesTheFirst, "differentiable", torch.optim.SGD)
    assert excused.status == "not applicable" and "has it by design" in excused.message, str(excused)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Rprop", "ASGD"])
def test_who_extends_a_class_of_torch_is_not_blamed_for_its_derivatives(name):
    twin = getattr(torch.optim, name)
    found = verdict(type(name, (twin,), {}), "differentiable", twin)
    assert found.status in ("passed", "not applicable"), str(found)


def test_a_wrong_derivative_comes_with_a_script_that_shows_it():
    found = verdict(SGDDetachesTheFirst, "differentiable")
    assert found.cause == "a derivative is wrong" and "gradcheck" in found.reproduction, str(found)
    with pytest.raises(AssertionError, match="derivative"):
        exec(found.reproduction, {})
