"""Reads the data files of this folder: one a class, and _shared.toml for what several classes have."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...scratch_impls import nearest
from .. import data_files
from ..data_files import DataFile

FOLDER = Path(__file__).parent
SHARED = "_shared.toml"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How a defect shows where a class is stepped beside its formula, if it does.

    raises      the exception, by its name; AssertionError where numbers disagree
    scenario    the kind of history that shows it, or "every"
    options     the hyperparameters without which it does not show: each must be given, and be neither 0 nor False
    mended      the formats in which `torch_paths.build(..., mended=True)` takes the cause away: the class is judged so,
                and then must agree
    """

    raises: str
    scenario: str = "every"
    options: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _exception(self.raises)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A defect as a file has it.

    place           where it stands on the page: by this number
    checks          the checks that fail by it; none where it was found by reading
    paths           the argument that the class was made with
    dtypes          the formats of the parameters that show it; all, unless given
    formulas        formulas of ours that share it, or are held against a class that has it
    seen            the versions of torch that were seen to have it, and where; a CUDA device takes foreach by default
    reproduction    at most ten lines; {cls} is the class, and the last line asserts that the defect is there
    """

    place: int
    checks: tuple[str, ...]
    paths: tuple[Literal["default", "foreach", "fused"], ...]
    seen: str
    reason: str
    reproduction: str
    dtypes: tuple[Literal["float64", "float32", "bfloat16", "float16"], ...] = ()
    formulas: tuple[str, ...] = ()
    comparison: Comparison | None = None

    def shows_in(self, dtype: str) -> bool:
        return not self.dtypes or dtype in self.dtypes


@dataclass(frozen=True, kw_only=True)
class Defect(Entry):
    """A defect with its name, and whose it is: classes of torch.optim, and formulas by their small names."""

    name: str
    classes: tuple[str, ...]

    @property
    def raises(self) -> type[Exception] | None:
        """What a comparison that meets it ends with; None where it meets none."""
        return _exception(self.comparison.raises) if self.comparison else None


@dataclass(frozen=True, kw_only=True)
class ClassFile:
    """What is known of one class: the defects that it has alone, and the names of those that it shares.

    place   where the class stands among those that share a defect: by this number
    """

    name: str
    place: int
    shared: tuple[str, ...] = ()
    defects: Mapping[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SharedFile:
    defects: Mapping[str, Entry]


def _exception(name: str) -> type[Exception]:
    found = getattr(builtins, name, None)
    if isinstance(found, type) and issubclass(found, Exception):
        return found
    raise ValueError(f"'raises' is {name!r}, and must be an exception of Python's by its name, such as 'TypeError'")


def read(folder: Path = FOLDER) -> tuple[Defect, ...]:
    """All defects of a folder, in the order of the page. DataFileError says what is wrong with a file."""
    shared = data_files.read(folder / SHARED, SharedFile)
    files = [data_files.read(path, ClassFile) for path in sorted(folder.glob("[!_]*.toml"))]
    files.sort(key=lambda file: file.content.place)
    having: dict[str, list[str]] = {name: [] for name in shared.content.defects}
    for file in files:
        _check(file, having)
        for name in file.content.shared:
            having[name].append(file.content.name)
    for name, classes in having.items():
        if not classes:
            raise shared.error(("defects", name), f"no class's file names the shared defect {name!r}")
    found = [_defect(name, entry, having[name]) for name, entry in shared.content.defects.items()]
    first = dict.fromkeys(having, shared.path)
    for file in files:
        for name, entry in file.content.defects.items():
            if name in first:
                raise file.error(("defects", name), f"the defect {name!r} stands in {first[name].name} already")
            first[name] = file.path
            found.append(_defect(name, entry, [file.content.name]))
    return tuple(sorted(found, key=lambda defect: (defect.place, defect.name)))


def _check(file: DataFile[ClassFile], shared: Mapping[str, Any]) -> None:
    if not data_files.is_named(file.path, file.content.name):
        raise file.error(("name",), f"the class is {file.content.name!r}, and the file is {file.path.name}")
    for name in file.content.shared:
        if name not in shared:
            raise file.error(("shared",), f"{SHARED} has no defect {name!r}: {nearest(name, list(shared))}")
        if file.content.shared.count(name) > 1:
            raise file.error(("shared",), f"the defect {name!r} is named twice")


def _defect(name: str, entry: Entry, classes: Sequence[str]) -> Defect:
    return Defect(**vars(entry), name=name, classes=(*classes, *entry.formulas))
