"""No end without a verdict: somebody's code that ends the process must not look like a run in which all was well.

Two guards, since each reaches what the other does not. `no_exit` makes os._exit an error where it is called, in every
door, and ends what they forked where it comes back into our code (`forks`). `watched` has the command's work done by a
child, whose parent knows whether it came to its end: a compiled library that exits or crashes is told as well.
Importing this loads no torch.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .processes import forks

ENDED = 1  # the exit status where somebody's code ended the process


class ProcessEnded(SystemExit):
    """Somebody's code called os._exit; raised in its place, past every `except Exception`."""

    __module__ = "builtins"  # a traceback of their code names nothing of ours


@contextlib.contextmanager
def no_exit() -> Iterator[None]:
    """os._exit inside raises ProcessEnded; in processes that were forked meanwhile it is what it was."""
    real, here, active = os._exit, os.getpid(), True

    def refuse(status: int) -> None:
        if not active or os.getpid() != here:  # a name imported here lives on; a fork has to end in this way
            real(status)
        raise ProcessEnded(f"os._exit({status})")

    os._exit = refuse  # type: ignore[assignment]
    try:
        with forks.followed():
            yield
    finally:
        os._exit, active = real, False


def watched(work: Callable[[], int]) -> int:
    """The exit status of `work`, done in a child; ENDED, and a line that says so, where the child ended without one.

    Where there is no fork (Windows) it is done here, and --isolate is what survives the end of a process.
    """
    if not hasattr(os, "fork"):
        return work()
    read, write = os.pipe()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        end_with(parent)
        signal.signal(signal.SIGINT, _interrupted)
        return _report_status(work, write)
    # After the fork: a child that inherited these would hand its signals on to itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _handing_on(child))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    # Without waiting for the end of file: what they forked may live on and hold the other end open. The child's byte is
    # there by now, or never will be.
    os.set_blocking(read, False)
    os.close(write)
    if status := os.read(read, 1):
        return status[0]
    if code in (-signal.SIGTERM, -signal.SIGINT, -signal.SIGKILL) and _HANDED_ON:
        return 128 - code
    print(f"{death(code)}, before there was a verdict; --isolate tells in which check", file=sys.stderr)
    return ENDED


def _report_status(work: Callable[[], int], write: int) -> int:
    """Tells the parent the status; not by the exit, for what they left to atexit could end with another."""
    status = ENDED
    try:
        status = work()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        # One byte, which a pipe takes without a reader waiting; every exit code fits.
        os.write(write, bytes([status]))
    return status


_HANDED_ON: list[int] = []  # signals that came to the parent


def _interrupted(number: int, frame: Any) -> None:
    """Ctrl-C on a terminal reaches parent and child, and the parent hands it on: once is enough."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _handing_on(child: int) -> Callable[[int, Any], None]:
    def handler(number: int, frame: Any) -> None:
        last = signal.SIGKILL if number in _HANDED_ON else number  # who asks twice means it
        _HANDED_ON.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, last)

    return handler


def end_with(parent: int) -> None:
    """This process is killed when its parent is, where the system can do that (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died in between
        os.kill(os.getpid(), signal.SIGKILL)


def death(code: int) -> str:
    """How a process ended that should not have, from its exit code."""
    if code >= 0:
        return f"it ended the process, with exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"it crashed with {name}"
