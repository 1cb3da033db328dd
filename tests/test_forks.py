"""A step that forks: the second process does not go on in our code, and one report is made."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest
import this_tree
import torch

from twinstep.bench.battery.judge import check_optimizer
from twinstep.bench.battery.processes import forks, hangs

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can fork here")

# Few: each fork of a process with torch in it takes milliseconds.
CHECKS = ("step-moves", "global-state")


class GoesOn(torch.optim.SGD):
    def step(self, closure=None):
        loss = super().step(closure)
        os.fork()
        return loss


class GoesOnFromItsConstructor(torch.optim.SGD):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)
        os.fork()


class HasAChildOfItsOwn(torch.optim.SGD):
    """What a fork is for: the child does something and ends."""

    def step(self, closure=None):
        loss = super().step(closure)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return loss


@pytest.mark.parametrize("cls", [GoesOn, GoesOnFromItsConstructor])
def test_both_processes_going_on_is_a_failure_of_global_state(cls):
    here = os.getpid()
    report = check_optimizer(cls, torch.optim.SGD, quick=True, checks=CHECKS)
    assert os.getpid() == here, "the child came back from the battery"
    found = {result.check: (result.status, result.cause) for result in report.results}
    assert found["global-state"] == ("failed", "it forks, and both processes go on")
    assert found["step-moves"] == ("passed", "")
    # Of the last, which may come back after all was said. Without waiting: another test's pool has a child that lives.
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def test_control_a_child_that_ends_by_itself_is_no_fault():
    assert check_optimizer(HasAChildOfItsOwn, torch.optim.SGD, quick=True, checks=CHECKS).passed


def test_nobody_waits_where_nothing_was_forked():
    with forks.followed() as found:
        assert not found.count and not forks.goes_on() and found.pipe is None


def test_a_child_that_lives_on_by_itself_is_not_waited_for_longer_than_it_says():
    with forks.followed() as found:
        found.wait_s = 0.01
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        try:
            assert found.count == 1 and not forks.goes_on()
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


def test_the_command_reports_once(tmp_path):
    (tmp_path / "forky.py").write_text(
        "import os, torch\nclass Forky(torch.optim.SGD):\n    def step(self, closure=None):\n"
        "        super().step(closure)\n        os.fork()\n"
    )
    command = "from twinstep.bench.cli import main; main()"
    arguments = ["check", "forky:Forky", "--quick", "--checks", ",".join(CHECKS), "--json", "report.json"]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments], cwd=tmp_path, env=this_tree.environment(tmp_path / "site"),
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("checks ran") == 1
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["failed"] == 1


# Checks that do not end


class Hangs(torch.optim.SGD):
    """Until something is said of it: no time is waited for."""

    said: list[str]

    def step(self, closure=None):
        while not self.said:
            time.sleep(0.001)
        return super().step(closure)


def test_a_check_that_hangs_is_told_of_once(tmp_path):
    said = Hangs.said = []
    with hangs.told(1e-3, said.append):
        check_optimizer(Hangs, quick=True, checks=["step-moves"])
    assert said[0].startswith("no answer from check ") and "since " in said[0] and "--isolate --timeout" in said[0]
    assert len({line.split()[4] for line in said}) == len(said), "once a check"
    # control: nothing is said of what ends in time, nor of what runs elsewhere
    quiet: list[str] = []
    with hangs.told(1e6, quiet.append), hangs.running("one-step"):
        time.sleep(0.01)
    with hangs.told(1e-9, quiet.append):
        time.sleep(0.01)
    assert not quiet


def test_the_line_goes_past_a_check_that_listens_to_stderr(capfd):
    with hangs.told(1e-3), hangs.running("global-state"):
        time.sleep(0.1)
    assert "no answer from check global-state" in capfd.readouterr().err
