"""SIGTERM as an orderly end: what a scheduler or a time limit sends leaves tables behind, as Ctrl-C does."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


@contextlib.contextmanager
def end_in_order(folder: Path) -> Iterator[None]:
    """SIGTERM ends what runs inside as Ctrl-C does, with exit code 143 and a line that says what is kept in `folder`.

    In another thread than the main one, where no signal arrives, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told: list[int] = []

    def handler(number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_IGN)  # once is enough: the tables are being written
        told.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    except KeyboardInterrupt:
        if not told:
            raise
        click.echo(f"ended by SIGTERM: every finished row is in the tables of {folder}", err=True)
        raise click.exceptions.Exit(128 + signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, before)
