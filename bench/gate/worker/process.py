"""Running workers: fresh processes with orders in a file each, whose messages are read while they work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...battery.child import command
from ...battery.guard import death
from ..trees import GateError

# A block is milliseconds and the slowest check seconds: who says nothing for so long will not say anything any more.
SILENCE_S = 300.0

# One thread: a second one would be timed on whatever core is free at the moment. And memory that is freed stays with
# the process: glibc otherwise gives large pieces back and faults them in again, at moments of its own (measured: arms
# of identical code then differ by up to 7 % in one process of ten; without, by 2 %).
# MALLOC_TRIM_THRESHOLD_ is near the most that mallopt's int takes; other allocators read none of the three.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2000000000",
    "MALLOC_TOP_PAD_": "67108864",
}  # fmt: skip


class WorkerDied(GateError):
    """A worker ended before its time; the message holds the end of its output."""


def messages(orders: dict[str, Any], silence_s: float = SILENCE_S) -> Iterator[dict[str, Any]]:
    """The messages of a worker, as they come; WorkerDied when it ends without having finished.

    orders      what the worker's `main` reads: the task, the trees, the settings
    silence_s   seconds without a message after which it counts as dead
    """
    with _Worker(orders, silence_s) as worker:
        while not worker.ended:
            yield from worker.read()


def messages_of_all(orders: Sequence[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the worker, message) of several at once, as they come; the death of one is a message as well."""
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_Worker(order, SILENCE_S)) for order in orders]
        while not all(worker.ended for worker in workers):
            for number, worker in enumerate(workers):
                try:
                    for message in worker.read():
                        yield number, message
                except WorkerDied as death:
                    worker.ended = True
                    yield number, {"kind": "died", "error": str(death)}


class _Worker:
    """One process; as a context manager, so that nothing of it outlives whoever reads it."""

    def __init__(self, orders: dict[str, Any], silence_s: float) -> None:
        self.orders, self.silence_s, self.ended = orders, silence_s, False
        self._folder = tempfile.TemporaryDirectory(prefix="twinstep-gate-")
        self._part, self._last_message = b"", time.monotonic()

    def __enter__(self) -> _Worker:
        folder = Path(self._folder.name)
        answer, self._output = folder / "answer", folder / "output"
        answer.touch()
        file = folder / "orders.json"
        more = {"answer": str(answer), "path": sys.path, "parent": os.getpid()}
        file.write_text(json.dumps({**self.orders, **more}), encoding="utf-8")
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                command("bench.gate.worker.main", "main", str(file), name="twinstep_gate"),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **ENVIRONMENT},
                # A session, and so a group, of its own: Ctrl-C of the terminal ends the gate, which ends the group.
                start_new_session=True,
            )  # fmt: skip
        self._lines = answer.open("rb")
        return self

    def __exit__(self, *raised: object) -> None:
        self._lines.close()
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                # The group: judged code may have started processes, which would go on taking time from the next worker.
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def read(self) -> Iterator[dict[str, Any]]:
        """What it has said since; after a moment's wait where that is nothing. WorkerDied where it says no more."""
        if self.ended:
            return
        over = self._process.poll() is not None  # before reading: what it wrote last is then there to be read
        *whole, self._part = (self._part + self._lines.read()).split(b"\n")
        for line in whole:
            self._last_message = time.monotonic()
            body = json.loads(line)
            if body["kind"] == "end":
                self.ended = True
                return
            yield body
        # Everything that it wrote is read by now, and there was no "end" in it.
        if over:
            raise WorkerDied(f"a worker died: {death(self._process.returncode)}: {_last_lines(self._output)}")
        if time.monotonic() - self._last_message > self.silence_s:
            raise WorkerDied(f"a worker said nothing for {self.silence_s:g} s: {_last_lines(self._output)}")
        time.sleep(0.02)


def _last_lines(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if line.strip())[-2000:]
