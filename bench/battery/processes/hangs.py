"""A check that does not come to its end, in a process that nobody can stop: a line says where, and how to go on."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

DELAY_S = 60.0  # as long as an isolated check may take

# The check that runs, and since when; what a thread of another function may read at any time.
_RUNNING: list[tuple[str, float]] = []


@contextlib.contextmanager
def running(check: str) -> Iterator[None]:
    """The check of this name runs inside."""
    _RUNNING.append((check, time.time()))
    try:
        yield
    finally:
        _RUNNING.pop()


@contextlib.contextmanager
def told(delay_s: float = DELAY_S, say: Callable[[str], object] | None = None, advice: str = "add: ") -> Iterator[None]:
    """A line, once a check, for each that has run so long inside.

    advice  what to do before the options that end such a check
    say     receives the line; None: it is written to stderr as that is now, whatever a check makes of it

    The line comes from a thread: a compiled step that never gives up Python's lock is not told.
    """
    with contextlib.ExitStack() as stack:
        if say is None:
            say = stack.enter_context(standard_error())
        stop = threading.Event()
        thread = threading.Thread(target=_watch, args=(delay_s, say, advice, stop), name="twinstep-hangs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextlib.contextmanager
def standard_error() -> Iterator[Callable[[str], object]]:
    """Writes lines to what is stderr now: a check that listens to what a subject prints must not hear them."""
    try:
        fd = os.dup(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # a stderr of Python's alone, in a notebook or a test
        stream = sys.stderr
        yield lambda line: print(line, file=stream, flush=True)
        return
    try:
        yield lambda line: os.write(fd, f"{line}\n".encode())
    finally:
        os.close(fd)


def _watch(delay_s: float, say: Callable[[str], object], advice: str, stop: threading.Event) -> None:
    told_of: tuple[str, float] | None = None
    while not stop.wait(min(delay_s / 4, 1.0)):
        now = _RUNNING[-1] if _RUNNING else None
        if now is not None and now != told_of and time.time() - now[1] >= delay_s:
            told_of = now
            since = time.strftime("%H:%M:%S", time.localtime(now[1]))
            say(
                f"no answer from check {now[0]} for {delay_s:g} s, since {since}; it is waited for. To have it fail "
                f"instead and go on with the others, interrupt and {advice}--isolate --timeout {delay_s:g}"
            )
