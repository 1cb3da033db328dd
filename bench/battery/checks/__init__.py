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
from typing import TYPE_CHECKING, Any

from ....scratch_impls import SpecError
from ..request import BATTERIES

if TYPE_CHECKING:
    from ..context import Check

    CHECKS: dict[str, Check]

__all__ = ["CHECKS", "CheckFileError", "in_battery", "names"]

FOLDER = Path(__file__).parent
LIKE = "structure/added_group.py"  # a file to copy from; every message points to it


class CheckFileError(SpecError):
    """A check's file is not what the registry asks of it; the message begins with file and line.

    A SpecError, as a formula's file gives, so that the command tells it in one line, without a traceback.
    """


def __getattr__(name: str) -> Any:
    # All checks are imported when they are first asked for, not with this package: `names` must not wait for torch.
    if name != "CHECKS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = registered(FOLDER, __package__ or "")
    return found


def files(folder: Path = FOLDER) -> list[Path]:
    """The files of all checks, by folder and name."""
    return sorted(p for p in folder.glob("*/*.py") if not p.stem.startswith("_") and p.parent.name != "__pycache__")


def names() -> tuple[str, ...]:
    """The names of all checks, sorted; found without importing any, and so without torch."""
    return tuple(sorted(_name(path) for path in files()))


def _name(path: Path) -> str:
    return path.stem.replace("_", "-")


def registered(folder: Path, package: str) -> dict[str, Check]:
    """The checks of a folder of folders, which imports as `package`: name -> check in the order of the report.

    Raises CheckFileError for the first file that is not one check.
    """
    found: dict[str, tuple[tuple[int, str, int, str], Check, Path]] = {}
    for path in files(folder):
        check = _the_check(_imported(f"{package}.{path.parent.name}.{path.stem}", path), path)
        if check.name in found:
            other = found[check.name][2].relative_to(folder)
            raise CheckFileError(f"{path}:1: there is a check {check.name} already, in {other}; rename one of the two")
        order = (_place(package, path.parent), path.parent.name, check.place, check.name)
        found[check.name] = order, check, path
    return {name: check for name, (_, check, _) in sorted(found.items(), key=lambda item: item[1][0])}


def _imported(name: str, path: Path) -> ModuleType:
    """The module; what raises on import keeps its own traceback, which names the line."""
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        raise CheckFileError(f"{error.filename or path}:{error.lineno or 1}: {error.msg}") from None


def _place(package: str, chapter: Path) -> int:
    """The place of a folder in the report."""
    file = chapter / "__init__.py"
    place = getattr(_imported(f"{package}.{chapter.name}", file), "PLACE", None)
    if not isinstance(place, int):
        said = "has no PLACE" if place is None else f"has PLACE = {place!r}"
        raise CheckFileError(f"{file}:1: it {said}: write PLACE = 6, say, the number of this folder in the report")
    return place


def _the_check(module: ModuleType, path: Path) -> Check:
    """The one check that a file defines. CheckFileError where it has none, several, another name or no docstring."""
    from ..context import Check

    mine = [v for v in vars(module).values() if isinstance(v, Check) and v.function.__module__ == module.__name__]
    lines = [inspect.getsourcelines(check.function)[1] for check in mine]
    if not mine:
        advice = f'write @check("T1", place=1, since="{BATTERIES[-1]}") above def {path.stem}(c), as in {LIKE}'
        raise CheckFileError(f"{path}:1: it defines no check: {advice}; a file that checks share begins with _")
    if len(mine) > 1:
        told = f"it defines {mine[0].name} and {mine[1].name}"
        raise CheckFileError(f"{path}:{lines[1]}: {told}: a file is one check, so move one to a file of its own")
    (check,) = mine
    if check.name != _name(path):
        right = f"call the function {path.stem} or the file {check.function.__name__}.py"
        raise CheckFileError(f"{path}:{lines[0]}: its check is called {check.name}, its file {path.name}: {right}")
    if check.since not in BATTERIES:
        told = f"has since={check.since!r}" if check.since else "does not say since which battery it is"
        raise CheckFileError(
            f"{path}:{lines[0]}: it {told}: write since={BATTERIES[-1]!r} (there are {', '.join(BATTERIES)})"
        )
    if not check.what:
        raise CheckFileError(f"{path}:1: it needs a docstring, whose first line says what holds, as in {LIKE}")
    return check


def in_battery(version: str) -> dict[str, Check]:
    """The checks of one battery: those that it began with, and no later ones."""
    upto, registry = BATTERIES[: BATTERIES.index(version) + 1], globals().get("CHECKS") or __getattr__("CHECKS")
    return {name: check for name, check in registry.items() if check.since in upto}
