"""`@parametrize_with_checks` in somebody's test file."""

from __future__ import annotations

import pytest
import their_optimizers as their

from twinstep.bench import parametrize_with_checks
from twinstep.scratch_impls import UnknownName

from .their_files import TEST_FILE

pytest_plugins = "pytester"


@parametrize_with_checks(
    [their.Right, their.Prints],
    against="rmsprop",
    quick=True,
    checks=["closure", "global-state"],
    expected_failures=lambda cls: {"global-state": "it prints"} if cls is their.Prints else None,
)
def test_our_own_suite_takes_the_decorator(request, optimizer_check):
    assert request.node.callspec.id in {f"{n}-{c}" for n in ("Right", "Prints") for c in ("closure", "global-state")}
    optimizer_check()


def test_a_test_that_never_calls_its_check_fails(run, pytester):
    source = TEST_FILE.replace("CHECKS", "['closure']")
    pytester.makepyfile(test_it=source.replace("optimizer_check()", "optimizer_check"))
    ran = run()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines("*never called its optimizer_check*")
    pytester.makepyfile(test_it=source)
    run().assert_outcomes(passed=1)


def test_the_decorator_refuses_what_would_check_nothing():
    with pytest.raises(UnknownName, match="did you mean 'closure'"):
        parametrize_with_checks(their.Right, checks=["closur"])
    with pytest.raises(UnknownName, match="did you mean 'closure'"):
        parametrize_with_checks(their.Right, expected_failures={"closur": "why"})
    for empty in ({"optimizers": []}, {"optimizers": their.Right, "checks": []}):
        with pytest.raises(ValueError, match="nothing would be checked"):
            parametrize_with_checks(**empty)
    ids = [p.id for p in parametrize_with_checks([their.partial, "adam"], checks=["closure"]).args[1]]
    assert ids == ["RMSprop(centered=True)-closure", "adam-closure"]
