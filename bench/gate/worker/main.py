"""A worker's life, from its orders to its last message."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from ...battery.guard import end_with
from .. import config
from .agreement import judge
from .times import time_cells


def main(path: str) -> None:
    """The process's life. Its own output goes to the file that the orders name; what subjects print goes to stderr."""
    orders = json.loads(Path(path).read_text(encoding="utf-8"))
    end_with(orders["parent"])  # a gate that was killed leaves nobody behind who would disturb the next
    # A file and not stdout: whatever the judged code prints, or closes, cannot damage a message.
    out = os.open(orders["answer"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def emit(kind: str, **body: Any) -> None:
        os.write(out, (json.dumps({"kind": kind, **body}) + "\n").encode())

    # As in the process that started it, so that the same installation is judged.
    sys.path[:] = orders["path"]
    settings = config.parse(orders["settings"])
    with contextlib.redirect_stdout(sys.stderr):
        {"judge": judge, "time": time_cells}[orders["task"]](orders, settings, emit)
    emit("end")
