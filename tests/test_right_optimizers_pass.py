"""No false alarm: what is right passes each check, with a reference and without; torch fails by known defects alone."""

from __future__ import annotations

import contextlib
import time

import pytest
import torch
from checks.one_check import HYPER, run
from checks.right_optimizers import Momentum, MomentumWithDecay

from twinstep.bench.adapter import as_optimizer
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.context import SUPPORTS, context_for
from twinstep.bench.battery.judge import run_check
from twinstep.bench.battery.result import Failed, NotApplicable, NotDeclared
from twinstep.reference import torch_paths


def chapters(*folders):
    """The checks of these folders of bench/battery/checks, in the order of the report."""
    return [name for name, check in CHECKS.items() if check.function.__module__.split(".")[-2] in folders]


# Of how an optimizer is driven.
DRIVING = chapters("protocol", "options", "structure", "ownership")
# Of what is saved, which tensors it takes and what it costs.
HOLDING = chapters("persistence", "tensors", "special_values", "abilities", "cost")


def verdicts(make, against, **circumstances):
    context = context_for(make, against, **circumstances)
    return {name: run_check(CHECKS[name], context) for name in DRIVING}


def test_a_right_optimizer_without_a_reference_passes():
    for name, found in verdicts(MomentumWithDecay, None).items():
        assert found.status == ("not applicable" if name == "defaults" else "passed"), str(found)


@pytest.mark.parametrize("name", HOLDING)
@pytest.mark.parametrize(
    "make", [torch_paths.twin("SGD"), as_optimizer("momentum"), Momentum], ids=lambda m: m.__name__
)
def test_right_ones_pass(name, make):
    cases = HYPER if make is Momentum else None
    supports = frozenset(SUPPORTS if make.__module__.startswith("torch") else ("float16", "bfloat16"))
    if name == "load-no-aliasing" and make.__module__.startswith("torch"):
        with pytest.raises(Failed, match="changed the dict"):  # torch's own defect
            run(name, make, supports=supports)
        return
    if name == "state-made-early" and make.__module__.startswith("torch"):
        with pytest.raises(Failed, match="training differs"):  # and what makes the state is torch's own as well
            run(name, make, supports=supports)
        return
    # What does not apply to a right one applies to a wrong one of tests/checks: every check has its control.
    with contextlib.suppress(NotApplicable, NotDeclared):
        run(name, make, cases=cases, supports=supports)


def test_the_checks_of_how_it_is_driven_are_quick():
    context = context_for(torch.optim.Adam, quick=True)
    run_check(CHECKS["step-moves"], context)  # torch imports half of itself at the first step
    start = time.process_time()
    for name in DRIVING:
        run_check(CHECKS[name], context)
    assert time.process_time() - start < 3, "the budget is 1 s on a free core"
