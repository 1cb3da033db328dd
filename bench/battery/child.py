"""Starting a Python of one's own that runs one function of a tree, whatever is installed under the project's name.

Importing this loads no torch.
"""

from __future__ import annotations

import sys
from pathlib import Path

BENCH = Path(__file__).parents[1]  # as tracebacks name it, links and all: whose frames are our own is seen by this
TREE = BENCH.parent.resolve()  # the tree that this file is part of

_BOOT = (
    "import importlib, sys, types; name, root, module, function, *given = sys.argv[1:]; m = types.ModuleType(name); "
    "m.__path__ = [root]; sys.modules[name] = m; "
    "sys.exit(getattr(importlib.import_module(name + '.' + module), function)(*given))"
)


def command(module: str, function: str, *given: str, name: str, root: Path = TREE) -> list[str]:
    """The command of a process that calls module.function(*given) of the tree `root` and exits with what it returns.

    name    what the tree is called in that process

    Always with a safe path: `python -c` puts the working directory first, where a pull request under the gate, or a
    user's own random.py, would take the place of a module of Python's.
    """
    return [sys.executable, "-P", "-c", _BOOT, name, str(root), module, function, *given]
