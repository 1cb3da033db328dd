"""A worker's life, from its orders to its last message."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from .. import config
from .agreement import judge
from .times import time_cells


def main(path: str) -> None:
    """The process's life. Its own output goes to the file that the orders name; what subjects print goes to stderr."""
    orders = json.loads(Path(path).read_text(encoding="utf-8"))
    out = os.open(orders["answer"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def emit(kind: str, **body: Any) -> None:
        os.write(out, (json.dumps({"kind": kind, **body}) + "\n").encode())

    sys.path[:] = orders["path"]
    settings = config.parse(orders["settings"])
    with contextlib.redirect_stdout(sys.stderr):
        {"judge": judge, "time": time_cells}[orders["task"]](orders, settings, emit)
    emit("end")
