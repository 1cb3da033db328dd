"""`pytest --twinstep TARGET`: a battery without a test file."""

from __future__ import annotations

import subprocess
import sys

import pytest
import this_tree

from twinstep.bench.battery.processes import hangs

from .asking import RIGHT
from .their_files import THEIR_FILES

pytest_plugins = "pytester"


def test_the_plugin_costs_nothing_until_it_is_used(tmp_path, installed):
    (tmp_path / "test_theirs.py").write_text(
        "import sys\ndef test_it():\n"
        "    ours = sorted(n for n in sys.modules if n.startswith('twinstep.'))\n"
        "    assert ours == ['twinstep.bench', 'twinstep.bench.pytest_plugin']\n"
        "    assert not {'torch', 'pandas', 'click'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", *this_tree.plugin(), "-p", "no:hypothesispytest", "test_theirs.py"]
    ran = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_nothing_checked_is_no_pass(run):
    given = ("--twinstep", RIGHT[0], "--twinstep-against", "rmsprop", "--twinstep-quick")
    for chosen in ("sparse", "no_such_check"):
        ran = run(*given, "-k", chosen)
        assert ran.ret == pytest.ExitCode.USAGE_ERROR
        ran.stdout.fnmatch_lines("twinstep: nothing was checked*")
    assert run(*given, "-k", "sparse or closure").ret == pytest.ExitCode.OK, "control"
    ran = run(*given, "--twinstep-supports", "tensor-lr", "-k", "tensor-lr")
    ran.stdout.fnmatch_lines("*1 checks ran*0 not declared*")


def test_expected_failures_are_strict(run, tmp_path):
    """Known: it prints. Then it is mended, or the wrong check is named: a failure."""
    pairs = tmp_path / "known.toml"
    pairs.write_text('global-state = "it prints, their#7"')
    given = ("--twinstep", "their_optimizers:Prints", "--twinstep-against", "rmsprop", "--twinstep-quick",
             "-k", "global-state or closure", "--twinstep-expect", pairs)  # fmt: skip
    ran = run(*given)
    ran.assert_outcomes(passed=1, xfailed=1)
    assert ran.ret == 0
    ran = run(*given, "--twinstep-expect", "closure=once")
    ran.assert_outcomes(failed=1, xfailed=1)
    ran.stdout.fnmatch_lines("closure: passed unexpectedly")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("--twinstep raises:X", "*no licence*"),
        ("--twinstep ends:X", "*it ends the process*"),
        ("--twinstep rmsprob", "*did you mean 'rmsprop'?*"),
        ("--twinstep rmsprop --twinstep-expect closur=why", "*did you mean 'closure'?*"),
        ("--twinstep rmsprop --twinstep-cases twice.json", "*used twice*"),
        ("--twinstep rmsprop --twinstep-supports sparce", "*did you mean 'sparse'?*"),
    ],
)
def test_bad_input_is_an_error_of_collection(run, pytester, args, told):
    for file, text in THEIR_FILES.items():
        (pytester.path / file).write_text(text)
    pytester.syspathinsert()
    ran = run(*args.split())
    assert ran.ret in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(told)
    ran.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_a_check_that_hangs_is_told_of_while_it_is_waited_for(run, monkeypatch):
    monkeypatch.setattr(hangs, "DELAY_S", 1e-3)
    given = ("--twinstep", RIGHT[0], "--twinstep-against", "rmsprop", "--twinstep-quick", "-k", "closure or groups")
    run(*given).stderr.fnmatch_lines("no answer from check *twinstep check TARGET --isolate --timeout*")
    monkeypatch.setattr(hangs, "DELAY_S", 1e6)
    run(*given).stderr.no_fnmatch_line("no answer from check *")


def test_options_of_a_battery_without_one_are_told(pytester):
    done = pytester.runpytest_subprocess(*this_tree.plugin(), "--twinstep-against", "rmsprop", "--twinstep-quick")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines("*--twinstep-against, --twinstep-quick without --twinstep TARGET*")
