"""A check that no wrong optimizer fails may check nothing: each has one, planted or in the file of tests/checks."""

from __future__ import annotations

import re
from pathlib import Path

from planted import BUGS

from twinstep.bench.battery.checks import CHECKS

FILES = sorted((Path(__file__).parent / "checks").glob("test_*.py"))


def named(path):
    return path.stem.removeprefix("test_").replace("_", "-")


def strays(paths):
    """The files that no check has the name of: a check that was renamed or removed left its tests behind."""
    return [path.name for path in paths if named(path) not in CHECKS]


def judged_in(text):
    """The checks that the text of a file has fail."""
    return set(re.findall(r'(?:Controls|(?<!\.)caught)\(\s*"([a-z0-9-]+)"', text))


def test_a_file_is_named_as_the_check_that_it_tests():
    assert FILES and not strays(FILES)
    for path in FILES:
        assert judged_in(path.read_text(encoding="utf-8")) <= {named(path)}, path.name
    assert strays([Path("test_adde_group.py"), Path("test_added_group.py")]) == ["test_adde_group.py"], "control"


def test_every_check_has_a_wrong_optimizer_that_it_catches():
    """`cuda` needs a GPU."""
    here = {check for path in FILES for check in judged_in(path.read_text(encoding="utf-8"))}
    assert set(CHECKS) - here - {bug.check for bug in BUGS} == {"cuda"}


def test_the_checks_of_how_an_optimizer_is_driven_have_more_than_what_is_planted():
    """Their verdicts are read by whoever wrote the optimizer: words are pinned here."""
    folders = {"protocol", "options", "structure", "ownership"}
    driving = {name for name, check in CHECKS.items() if check.function.__module__.split(".")[-2] in folders}
    assert driving <= {named(path) for path in FILES}
