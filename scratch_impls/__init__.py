"""The formulas. This folder is the registry: a file that defines SPEC is an optimizer, and nothing else lists it."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from . import vocabulary
from ._complaints import complaints
from ._first_step import refuse_wrong_first_steps
from ._syntax import refuse_foreign_words
from .spec import Case, Spec, SpecError, State, as_shape, case, map_state
from .vocabulary import *  # noqa: F403  its __all__, the words of docs/vocabulary.md

__all__ = [
    "Case", "Spec", "SpecError", "State", "UnknownName", "all_specs", "as_shape", "case", "complaints",
    "literature_names", "load", "load_file", "map_state", "names", "nearest", *vocabulary.__all__,
]  # fmt: skip

_NO_FORMULAS = ("spec", "vocabulary")


class UnknownName(LookupError):
    """A name that no registry has; the message names the nearest."""


def names() -> tuple[str, ...]:
    """The optimizers of this folder, sorted: those that everything runs over."""
    return _names_in(Path(__file__).parent)


def literature_names() -> tuple[str, ...]:
    """Those from the literature, sorted: they are run and judged where they are asked for."""
    return _names_in(Path(__file__).parent / "literature")


def _names_in(folder: Path) -> tuple[str, ...]:
    stems = (p.stem for p in folder.glob("*.py"))
    return tuple(sorted(stem for stem in stems if not stem.startswith("_") and stem not in _NO_FORMULAS))


def nearest(name: str, known: tuple[str, ...] | list[str]) -> str:
    """How an unknown name is answered: the nearest known one, or all of them."""
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


@functools.cache
def load(name: str) -> Spec:
    """The Spec of one optimizer. UnknownName names the nearest; SpecError says what a file lacks."""
    if name not in (every := (*names(), *literature_names())):
        raise UnknownName(f"no optimizer {name!r}: {nearest(name, every)}")
    folder = "" if name in names() else "literature"
    refuse_foreign_words(Path(__file__).parent / folder / f"{name}.py")
    return _checked(importlib.import_module(f".{folder}.{name}" if folder else f".{name}", __package__), name)


def all_specs() -> tuple[Spec, ...]:
    """Every optimizer of this folder, sorted by name."""
    return tuple(load(name) for name in names())


def load_file(path: str | Path) -> Spec:
    """The Spec of a formula file in any folder; it imports as the files here do, or from `twinstep.scratch_impls`."""
    path = Path(path)
    if not path.is_file():
        raise SpecError(f"there is no formula file {path}")
    # Below this package's name, so that `from .spec import Spec` works in a file that lies anywhere.
    found = importlib.util.spec_from_file_location(f"{__package__}._file_{path.stem}", path)
    if found is None or found.loader is None:
        raise SpecError(f"{path} is not a Python file: a formula file ends in .py")
    refuse_foreign_words(path)  # before anything of it runs
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    spec = _checked(module, path.stem)
    refuse_wrong_first_steps(spec, str(path))
    return spec


def _checked(module: ModuleType, stem: str) -> Spec:
    spec = getattr(module, "SPEC", None)
    if not isinstance(spec, Spec):
        raise SpecError(f"{stem}.py must define SPEC = Spec(...)")
    lacks = complaints(spec)
    if spec.name != stem:
        lacks.insert(0, f"its name is {spec.name!r}, and the file is {stem}.py: they must be the same")
    if lacks:
        # One line each: a file that was begun lacks several.
        more = "".join(f"\n  {sentence}" for sentence in lacks[1:])
        raise SpecError(f"{stem}.py: {lacks[0]}{more}")
    return spec
