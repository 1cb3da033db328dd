"""What installs as `twinstep` itself: its version, and `python -m twinstep`. The harness is `twinstep.bench`.

The folders of the repository install below this name (setup.py), and nothing else does, so this file is of no wing: it
is imported as `twinstep`, and its relative imports begin there.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    # When it is asked for: whoever imports twinstep.scratch_impls alone loads nothing else.
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .bench.records.rows import version

    return version()
