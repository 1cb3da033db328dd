"""Whatever ends the process, no run of `twinstep check` or `pytest --twinstep` ends with 0 and without a verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_doors import plugin

from twinstep.bench import guard

ROOT = Path(__file__).resolve().parents[1]
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
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "twinstep").symlink_to(ROOT)
    (tmp_path / "site" / "their_optimizers.py").symlink_to(ROOT / "tests" / "their_optimizers.py")
    for file, text in MODULES.items():
        (tmp_path / file).write_text(text)
    dropped = ("PYTEST_", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment["PYTHONPATH"] = str(tmp_path / "site")

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


def test_pytest_in_a_worker_tells_of_compiled_code_that_ends_the_process(ran):
    """A plain pytest goes with it: nothing inside a process can stop that."""
    command = [sys.executable, "-m", "pytest", *plugin(), "-p", "no:hypothesispytest", "-n", "1",
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
