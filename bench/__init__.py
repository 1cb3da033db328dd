"""The harness: problems, comparison, training, timing, tables, plots, the battery of checks and the command line.

Importing this package costs nothing: torch, pandas and matplotlib load with the module that needs them, and the
names below with the first use. They are what a program may rely on: docs/public.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter import as_optimizer
    from .battery.judge import check_optimizer
    from .battery.parametrize import parametrize_with_checks
    from .battery.result import CheckReport, CheckResult, ChecksFailed

__all__ = ["CheckReport", "CheckResult", "ChecksFailed", "as_optimizer", "check_optimizer", "parametrize_with_checks"]

_HOME = {
    "CheckReport": ".battery.result",
    "CheckResult": ".battery.result",
    "ChecksFailed": ".battery.result",
    "as_optimizer": ".adapter",
    "check_optimizer": ".battery.judge",
    "parametrize_with_checks": ".battery.parametrize",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
