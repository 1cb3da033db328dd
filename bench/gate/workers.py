"""Running a worker: a fresh process with orders in a file, whose answers are read while it works."""

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

from ..battery.child import command
from ..battery.guard import death
from .trees import GateError

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
    """A worker ended before its time; the message holds its last words."""


def answers(orders: dict[str, Any], silence_s: float = SILENCE_S) -> Iterator[dict[str, Any]]:
    """What a worker says, as it says it. WorkerDied when it ends without having finished."""
    with tempfile.TemporaryDirectory(prefix="twinstep-gate-") as folder:
        answer, said = Path(folder, "answer"), Path(folder, "said")
        answer.touch()
        file = Path(folder, "orders.json")
        file.write_text(json.dumps({**orders, "answer": str(answer), "path": sys.path}), encoding="utf-8")
        order = command("bench.gate.worker", "main", str(file), name="twinstep_gate")
        with said.open("w") as output:
            process = subprocess.Popen(
                order, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **ENVIRONMENT},
                start_new_session=True,
            )  # fmt: skip
        try:
            yield from _follow(process, answer, said, silence_s)
        finally:
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


def _follow(process: subprocess.Popen[bytes], answer: Path, said: Path, silence_s: float) -> Iterator[dict[str, Any]]:
    heard = time.monotonic()
    with answer.open("rb") as lines:
        part = b""
        while True:
            over = process.poll() is not None  # before reading: what it wrote last is then there to be read
            part += lines.read()
            *whole, part = part.split(b"\n")
            for line in whole:
                heard = time.monotonic()
                body = json.loads(line)
                if body["kind"] == "end":
                    return
                yield body
            if over:
                raise WorkerDied(f"a worker died: {death(process.returncode)}: {_last_words(said)}")
            if time.monotonic() - heard > silence_s:
                raise WorkerDied(f"a worker said nothing for {silence_s:g} s: {_last_words(said)}")
            time.sleep(0.02)


def _last_words(said: Path) -> str:
    lines = said.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if line.strip())[-2000:]
