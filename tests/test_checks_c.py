"""What changes in a run, many parameters, long lives: controls that no planted bug gives."""

from __future__ import annotations

import pytest
from planted import BUGS
from planted.plain import PLAIN

from twinstep.bench import check_optimizer

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
    assert verdict(cls, "option-change").status == "passed"
