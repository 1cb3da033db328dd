"""Running a worker: a fresh process with orders in a file, whose messages are read while it works."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
    with tempfile.TemporaryDirectory(prefix="twinstep-gate-") as folder:
        answer, output_file = Path(folder, "answer"), Path(folder, "output")
        answer.touch()
        file = Path(folder, "orders.json")
        file.write_text(json.dumps({**orders, "answer": str(answer), "path": sys.path}), encoding="utf-8")
        order = command("bench.gate.worker.main", "main", str(file), name="twinstep_gate")
        with output_file.open("w") as output:
            process = subprocess.Popen(
                order, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **ENVIRONMENT},
                start_new_session=True,
            )  # fmt: skip
        try:
            yield from _follow(process, answer, output_file, silence_s)
        finally:
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


def _follow(process: subprocess.Popen[bytes], answer: Path, output: Path, silence_s: float) -> Iterator[dict[str, Any]]:
    last_message = time.monotonic()
    with answer.open("rb") as lines:
        part = b""
        while True:
            over = process.poll() is not None  # before reading: what it wrote last is then there to be read
            part += lines.read()
            *whole, part = part.split(b"\n")
            for line in whole:
                last_message = time.monotonic()
                body = json.loads(line)
                if body["kind"] == "end":
                    return
                yield body
            if over:
                raise WorkerDied(f"a worker died: {death(process.returncode)}: {_last_lines(output)}")
            if time.monotonic() - last_message > silence_s:
                raise WorkerDied(f"a worker said nothing for {silence_s:g} s: {_last_lines(output)}")
            time.sleep(0.02)


def _last_lines(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if line.strip())[-2000:]
