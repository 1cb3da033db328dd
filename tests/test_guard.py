"""Whatever ends the process, no run of `twinstep check` or `pytest --twinstep` ends with 0 and without a verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import this_tree

from twinstep.bench.battery import guard

COMMAND = [sys.executable, "-c", "from twinstep.bench.cli import main; main()"]
MODULES = {
    "python_ends.py": "import os\nos._exit(0)\n",
    "c_ends.py": "import ctypes\nctypes.CDLL(None)._exit(0)\n",
    "crashes.py": "import os\nos.kill(os.getpid(), 11)\n",
    "late.py": "import atexit, os\natexit.register(os._exit, 0)\n",
}
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the command is watched where there is a fork")


@pytest.fixture
def ran(tmp_path):
    """ran(*arguments, command=...) -> the finished process, with the modules above where it stands."""
    environment = this_tree.environment(tmp_path / "site")
    for file, text in MODULES.items():
        (tmp_path / file).write_text(text)

    def run(*arguments, command=COMMAND):
        return subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )

    return run


@forks
@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("check python_ends:X", 2, "cannot import python_ends: it ends the process"),
        ("check c_ends:X", 1, "it ended the process, with exit status 0, before there was a verdict"),
        ("check crashes:X", 1, "it crashed with SIGSEGV, before there was a verdict"),
        ("check late:X", 2, "late has no 'X'"),
    ],
)
def test_the_command_never_ends_with_0_before_a_verdict(ran, arguments, status, told):
    done = ran(*arguments.split())
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr


@forks
def test_an_isolated_worker_imports_their_module_and_nobody_else(ran):
    """Their code ends the worker alone, whose parent says so."""
    done = ran("check", "c_ends:X", "--isolate")
    assert done.returncode == 2 and "cannot import c_ends:X: it ended the process, with exit status 0" in done.stderr


@forks
def test_a_step_that_ends_the_process_in_c_is_no_pass(ran):
    done = ran("check", "their_optimizers:EndsProcessInC", "--against", "rmsprop", "--checks", "step-moves")
    assert done.returncode == 1 and "before there was a verdict" in done.stderr, done.stdout + done.stderr


@pytest.mark.thorough("starts pytest with a worker: ten seconds")
def test_pytest_in_a_worker_tells_of_compiled_code_that_ends_the_process(ran):
    """A plain pytest goes with it: nothing inside a process can stop that."""
    command = [sys.executable, "-m", "pytest", *this_tree.plugin(), "-p", "no:hypothesispytest", "-n", "1",
               "--max-worker-restart", "0"]  # fmt: skip
    done = ran("--twinstep", "c_ends:X", command=command)
    assert done.returncode != 0 and "crashed" in done.stdout + done.stderr, done.stdout + done.stderr


def test_what_is_forked_inside_may_end_as_it_likes():
    with guard.no_exit():
        if not (child := os.fork()):
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        with pytest.raises(guard.ProcessEnded):
            os._exit(0)
    assert os._exit.__module__ == "posix"


HANGS = """
import os, pathlib, time, torch
class Hangs(torch.optim.SGD):
    def step(self, closure=None):
        pathlib.Path("pids").write_text(f"{os.getpid()} {os.getppid()}")
        pathlib.Path("pids").rename("hanging")
        while True:
            time.sleep(0.1)
"""


@pytest.fixture
def hanging(tmp_path, ran):
    """hanging(*arguments) -> the command, once a step hangs, and the ids of the processes it has started."""
    (tmp_path / "hangs.py").write_text(HANGS)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def start(*arguments):
        command = [*COMMAND, "check", "hangs:Hangs", "--checks", "is-an-optimizer,step-moves", *arguments]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 300
        while not (tmp_path / "hanging").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return process, [int(pid) for pid in (tmp_path / "hanging").read_text().split()]

    return start


def gone(pids):
    """Whether they end within a while."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() and "(zombie)" not in state_of(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def state_of(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "(zombie)"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a process ends with its parent on Linux")
def test_nothing_lives_on_when_an_isolated_check_is_killed(hanging):
    process, pids = hanging("--isolate", "--timeout", "500")
    assert process.pid not in pids and len(pids) == 2
    process.kill()
    process.communicate()
    assert gone(pids), "the forked check and its worker"


@forks
def test_an_interrupted_check_says_what_was_finished(hanging):
    process, _ = hanging()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: 0 checks were finished, failed: none; no report is written" in said, said
