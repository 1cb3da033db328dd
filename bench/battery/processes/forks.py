"""Somebody's code that forks, and both processes go on: the second would run our battery again and report twice.

A fork whose child does something of its own and ends is theirs to make. A child that returns into our code is not: it
ends there, at once, and the parent is told. Importing this loads no torch.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ..child import BENCH

_EXIT = os._exit  # the real one: `no_exit` puts another in its place
_NUMBER = struct.Struct("i")
_PLACE = f"{BENCH}{os.sep}"


class Forks:
    """What was forked since this was made.

    wait_s  how long a child may take to come back to our code, where nothing says that it will not; a child that lives
            on by itself costs this once a check that asks
    """

    def __init__(self, wait_s: float = 2.0) -> None:
        self.wait_s, self.count, self.went_on = wait_s, 0, 0
        self.pipe: tuple[int, int] | None = None

    def goes_on(self) -> bool:
        """Whether a child has come back into our code."""
        deadline = time.monotonic() + self.wait_s
        while self.count and not self.went_on:
            left = deadline - time.monotonic()
            if left <= 0 or (not self.take_leave(min(left, 0.05)) and not _children()):
                break
        return self.went_on > 0

    def take_leave(self, wait_s: float = 0.0) -> bool:
        """Waits for the children that have ended in our code: thousands of them would be left."""
        read = self.pipe[0] if self.pipe else -1
        if read < 0 or not select.select([read], [], [], wait_s)[0]:
            return False
        found = os.read(read, 64 * _NUMBER.size)
        for (child,) in _NUMBER.iter_unpack(found):
            self.went_on += 1
            with contextlib.suppress(ChildProcessError):  # a grandchild, or they have waited for it themselves
                os.waitpid(child, 0)
        return bool(found)

    def close(self) -> None:
        while self.take_leave():
            pass
        for fd in self.pipe or ():
            os.close(fd)
        self.pipe = None


_FOLLOWED: list[Forks] = []  # the innermost last


@contextlib.contextmanager
def followed() -> Iterator[Forks]:
    """A process that is forked inside, and comes back into our code, ends there."""
    _listen()
    found = Forks()
    _FOLLOWED.append(found)
    try:
        yield found
    finally:
        _FOLLOWED.remove(found)
        found.close()


def goes_on() -> bool:
    """Whether what was forked since the innermost `followed` began has come back into our code."""
    return bool(_FOLLOWED) and _FOLLOWED[-1].goes_on()


def _before() -> None:
    if _FOLLOWED and _FOLLOWED[-1].pipe is None:
        _FOLLOWED[-1].pipe = os.pipe()


def _in_parent() -> None:
    if _FOLLOWED:
        _FOLLOWED[-1].count += 1
        _FOLLOWED[-1].take_leave()


def _in_child() -> None:
    # Where they go on is seen only as it happens: a step returns to our loop, which would take the next, and fork anew.
    if _FOLLOWED:
        sys.setprofile(_end_in_our_code)


def _end_in_our_code(frame: FrameType, event: str, argument: Any) -> None:
    if event == "return" and frame.f_back and frame.f_back.f_code.co_filename.startswith(_PLACE):
        try:
            if pipe := _FOLLOWED[-1].pipe:
                os.write(pipe[1], _NUMBER.pack(os.getpid()))
        finally:  # the parent may have closed its end: what is raised here would let the child go on
            _EXIT(0)


def _children() -> bool:
    """Whether this process has a child, ended or not."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


_listening: list[bool] = []


def _listen() -> None:
    """Once a process, since Python cannot be told to stop; it costs nothing where nobody forks."""
    if not _listening and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
        _listening.append(True)
