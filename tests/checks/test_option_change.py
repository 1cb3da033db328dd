"""An option that is changed during a run acts at the next step, as in an optimizer that was built with it."""

from __future__ import annotations

import pytest
from honest_optimizers import Lion
from planted import BUGS
from planted.plain import PLAIN

from twinstep.bench.battery.checks import differences
from twinstep.bench.battery.checks.options import option_change

from .one_check import verdict

NAMED = {bug.name: bug.cls for bug in BUGS}


@pytest.mark.parametrize("name", ["rmsprop-keeps-decay", "adam-keeps-eps"])
def test_a_value_that_is_kept_shows_without_a_reference(name):
    found = verdict(NAMED[name], "option-change")
    assert found.status == "failed" and "of one built with it" in found.message, str(found)


@pytest.mark.parametrize("cls", PLAIN, ids=lambda cls: cls.__name__)
def test_control_values_that_are_obeyed(cls):
    found = verdict(cls, "option-change", supports=["sparse"])  # one of them takes nothing else
    # Nothing of what an L-BFGS holds could be seen to act: how long a step searches, not where it leads.
    assert found.status == ("not applicable" if cls.twin == "LBFGS" else "passed"), str(found)


def test_two_implementations_may_part_by_the_rounding_of_every_step():
    """Somebody's Lion beside ours, which at this seed stand 4.2 roundings apart after ten steps."""
    found = verdict(Lion, "option-change", "lion", quick=True)
    assert found.status == "passed", str(found)


def test_control_with_the_roundings_of_one_implementation_they_fail(monkeypatch):
    monkeypatch.setattr(differences, "ROUNDINGS_A_STEP", 0)
    monkeypatch.setattr(option_change, "_differ_with", lambda *given: False)  # else it is left to who judges the rule
    found = verdict(Lion, "option-change", "lion", quick=True)
    assert "rounding allows" in found.message, str(found)
