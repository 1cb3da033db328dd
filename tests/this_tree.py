"""The tests judge the tree they stand in, whichever tree the installed name `twinstep` points to.

All imports of the project are relative, so a module `twinstep` whose path is the repository root is all it takes; what
installs as `twinstep` itself is bench/twinstep/__init__.py.
`python tests/this_tree.py ARGS` is this tree's `twinstep ARGS`, for tests that need a process of its own.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("bench", "reference", "scratch_impls")


def use_this_tree(root: Path = ROOT) -> ModuleType:
    """Makes `import twinstep.bench` mean root/bench; what was loaded from another tree is dropped."""
    loaded = sys.modules.get("twinstep")
    # A second call must not reload anything: classes of the first would no longer be those of the second.
    if loaded is not None and list(getattr(loaded, "__path__", ())) == [str(root)]:
        return loaded
    for name in [n for n in sys.modules if n == "twinstep" or n.startswith("twinstep.")]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        "twinstep", root / "bench" / "twinstep" / "__init__.py", submodule_search_locations=[str(root)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["twinstep"] = package
    spec.loader.exec_module(package)
    return package


def environment(folder: Path) -> dict[str, str]:
    """Of a process for which `twinstep` is this tree, and tests/their_optimizers.py a module; makes `folder` for it."""
    package = folder / "twinstep"
    package.mkdir(parents=True)
    for part in (*(ROOT / name for name in TOPS), *(ROOT / "bench" / "twinstep").glob("*.py")):  # as it installs
        (package / part.name).symlink_to(part)
    (folder / "their_optimizers.py").symlink_to(ROOT / "tests" / "their_optimizers.py")
    dropped = ("PYTEST_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "PYTHONPATH": str(folder)}


@functools.cache
def plugin() -> tuple[str, ...]:
    """How pytest gets the plugin where the installed Twinstep is older than its entry point."""
    # Not entry_points(): of two distributions of one name it reads the first, and pytest all.
    points = [point for found in importlib.metadata.distributions() for point in found.entry_points]
    found = any(point.group == "pytest11" and point.name == "twinstep" for point in points)
    return () if found else ("-p", "twinstep.bench.pytest_plugin")


if __name__ == "__main__":
    use_this_tree()
    from twinstep.bench.cli import main

    sys.exit(main())
