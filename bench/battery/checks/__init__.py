"""The battery: named checks that take any optimizer class. These folders are the registry, and nothing else lists it.

A folder is a chapter of the report, a file in it one check: `structure/added_group.py` is `added-group`, and its
docstring is the check's text in the documentation. The order is that of the report, what explains most first: a folder
says its PLACE, a check its place within. A file whose name begins with an underscore is shared by the checks beside
it; the modules beside the folders are shared by all, one idea each. The controls of a check, which must fail it, are
the planted bugs in `tests/planted/<its name>.py`.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType

from ..context import Check

__all__ = ["CHECKS", "CheckFileError", "names"]

FOLDER = Path(__file__).parent


class CheckFileError(ValueError):
    """A check's file is not what the registry asks of it; the message begins with file and line."""


def files() -> list[Path]:
    """The files of all checks, by folder and name."""
    return sorted(p for p in FOLDER.glob("*/*.py") if not p.stem.startswith("_") and p.parent.name != "__pycache__")


def names() -> tuple[str, ...]:
    """The names of all checks, sorted; found without importing any, and so without torch."""
    return tuple(sorted(_name(path) for path in files()))


def _name(path: Path) -> str:
    return path.stem.replace("_", "-")


def _registered() -> dict[str, Check]:
    """Name -> check in the order of the report."""
    found: dict[str, tuple[tuple[int, int, str], Check, Path]] = {}
    for path in files():
        check = _the_check(importlib.import_module(f".{path.parent.name}.{path.stem}", __package__), path)
        if check.name in found:
            raise CheckFileError(f"{path}:1: there is a check {check.name} already, in {found[check.name][2]}")
        chapter = importlib.import_module(f".{path.parent.name}", __package__)
        if not isinstance(place := getattr(chapter, "PLACE", None), int):
            raise CheckFileError(f"{path.parent / '__init__.py'}:1: it needs PLACE = its number in the report")
        found[check.name] = (place, check.place, check.name), check, path
    return {name: check for name, (_, check, _) in sorted(found.items(), key=lambda item: item[1][0])}


def _the_check(module: ModuleType, path: Path) -> Check:
    """The one check that a file defines. CheckFileError where it has none, several, another name or no docstring."""
    mine = [v for v in vars(module).values() if isinstance(v, Check) and v.function.__module__ == module.__name__]
    lines = {check.name: inspect.getsourcelines(check.function)[1] for check in mine}
    if not mine:
        raise CheckFileError(f'{path}:1: it defines no check: write @check("T1", place=1) above def {path.stem}(c)')
    if len(mine) > 1:
        raise CheckFileError(f"{path}:{lines[mine[1].name]}: a file is one check, and {mine[1].name} is its second")
    (check,) = mine
    if check.name != _name(path):
        raise CheckFileError(f"{path}:{lines[check.name]}: its check is {check.name}; its name says {_name(path)}")
    if not check.what:
        raise CheckFileError(f"{path}:1: it needs a docstring, whose first line says what holds")
    return check


CHECKS: dict[str, Check] = _registered()
