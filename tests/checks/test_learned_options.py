"""An option that is a tensor with a gradient can be learned through the steps, and the gradients stay as they were."""

from __future__ import annotations

import pytest
import torch
from planted.plain_differentiable import DifferentiableSGD, SGDLearnsIntoGradients

from .one_check import verdict


def test_control_a_class_that_can_be_differentiated_passes():
    for against in (None, torch.optim.SGD):
        found = verdict(DifferentiableSGD, "learned-options", against)
        assert found.status == "passed", str(found)


def test_what_torchs_class_has_as_well_is_told_where_it_is_not_the_reference():
    found = verdict(SGDLearnsIntoGradients, "learned-options")
    assert (found.status, found.cause) == ("failed", "p.grad is changed in place"), str(found)
    excused = verdict(SGDLearnsIntoGradients, "learned-options", torch.optim.SGD)
    assert excused.status == "not applicable" and "has it by design" in excused.message, str(excused)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Rprop", "ASGD"])
def test_who_extends_a_class_of_torch_is_not_blamed_for_its_derivatives(name):
    twin = getattr(torch.optim, name)
    found = verdict(type(name, (twin,), {}), "learned-options", twin)
    assert found.status in ("passed", "not applicable"), str(found)
