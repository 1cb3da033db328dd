"""The tests judge the tree they stand in, whichever tree the installed name `twinstep` points to.

All imports of the project are relative, so a module `twinstep` whose path is the repository root is all it takes.
`python tests/this_tree.py ARGS` is this tree's `twinstep ARGS`, for tests that need a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def use_this_tree(root: Path = ROOT) -> ModuleType:
    """Makes `import twinstep.bench` mean root/bench; what was loaded from another tree is dropped."""
    loaded = sys.modules.get("twinstep")
    # A second call must not reload anything: classes of the first would no longer be those of the second.
    if loaded is not None and list(getattr(loaded, "__path__", ())) == [str(root)]:
        return loaded
    for name in [n for n in sys.modules if n == "twinstep" or n.startswith("twinstep.")]:
        del sys.modules[name]
    package = ModuleType("twinstep")
    package.__path__ = [str(root)]
    sys.modules["twinstep"] = package
    return package


if __name__ == "__main__":
    use_this_tree()
    from twinstep.bench.cli import main

    sys.exit(main())
