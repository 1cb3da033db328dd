"""A battery is a set of checks under a version; an upgrade alone adds nothing to who judges by an older one."""

from __future__ import annotations

import dataclasses

import pytest
import their_optimizers as their

from twinstep.bench import check_optimizer, parametrize_with_checks
from twinstep.bench.battery.checks import CHECKS, in_battery
from twinstep.bench.battery.request import BATTERIES
from twinstep.scratch_impls import UnknownName

from .asking import check

pytest_plugins = "pytester"


@pytest.fixture
def later(monkeypatch):
    """One check as if it were new."""
    monkeypatch.setitem(CHECKS, "closure", dataclasses.replace(CHECKS["closure"], since=BATTERIES[-1]))


def test_the_first_battery_has_the_checks_of_its_version():
    assert len(in_battery("0.2")) == 52
    assert in_battery(BATTERIES[-1]) == CHECKS


@pytest.mark.usefixtures("later")
def test_every_door_judges_by_the_battery_that_is_asked_for(run):
    assert "closure" in in_battery(BATTERIES[-1]) and "closure" not in in_battery("0.2")
    report = check_optimizer(their.NoOptimizer, battery="0.2")
    assert report.battery == "0.2" and [r.check for r in report.results] == list(in_battery("0.2"))
    ids = [p.id for p in parametrize_with_checks(their.Right, against="rmsprop", battery="0.2").args[1]]
    assert ids == [f"Right-{name}" for name in in_battery("0.2")]
    given = ("--twinstep", "their_optimizers:Right", "--twinstep-against", "rmsprop", "--twinstep-quick")
    for battery, found in ((("--twinstep-battery", "0.2"), 1), ((), 2)):
        run(*given, *battery, "-k", "closure or hooks").assert_outcomes(passed=found)
    done = check("their_optimizers:Right", "--against", "rmsprop", "--battery", "0.2", "--checks", "closure")
    assert done.exit_code == 2 and "the battery 0.2 has no check 'closure', which is there since" in done.output


def test_an_unknown_version_is_wrong_input_and_names_those_there_are(run):
    told = f"no battery '0.1': there are {', '.join(BATTERIES)}"
    for door in (check_optimizer, parametrize_with_checks):
        with pytest.raises(UnknownName, match=told):
            door(their.Right, battery="0.1")
    ran = run("--twinstep", "rmsprop", "--twinstep-battery", "0.1")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(f"*{told}*")
    done = check("rmsprop", "--battery", "0.1")
    assert done.exit_code == 2 and told in done.output
