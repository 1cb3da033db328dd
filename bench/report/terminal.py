"""The console that tables are printed on."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH_OFF_TERMINAL = 140  # a log or a pipe has no width of its own, and 80 columns would cut the numbers


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_OFF_TERMINAL, highlight=False, emoji=False)
