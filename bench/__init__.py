"""The harness: problems, comparison, training, timing, tables, plots, the battery of checks and the command line.

Importing this package costs nothing: torch, pandas and matplotlib load with the module that needs them, and the three
names below with the first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .battery.judge import check_optimizer
    from .battery.parametrize import parametrize_with_checks
    from .battery.result import CheckReport

__all__ = ["CheckReport", "check_optimizer", "parametrize_with_checks"]

_HOME = {
    "CheckReport": ".battery.result",
    "check_optimizer": ".battery.judge",
    "parametrize_with_checks": ".battery.parametrize",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name], __name__), name)
