"""What the gate judges: two checkouts, by the settings in `[tool.twinstep.gate]` of the base's pyproject.toml.

Never by the head's: a pull request must not loosen its own gate.
"""

from __future__ import annotations

import glob
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ...scratch_impls import nearest
from .decide import Rule
from .trees import Checkout, GateError


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One optimizer of a library.

    optimizer           MODULE:CLASS in the library
    against             what it is held against: MODULE:CLASS outside the library, a scratch optimizer's name, or a
                        formula file of the base, by its path from the repository's top. "" for nothing
    hyper               what it is timed and trained with; its defaults unless given
    expected_failures   check -> reason; strict
    supports            abilities to judge, as `twinstep check --supports`
    declare             what is so by design, as `twinstep check --declare`
    """

    optimizer: str
    against: str = ""
    hyper: Mapping[str, Any] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    supports: tuple[str, ...] = ()
    declare: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """[tool.twinstep.gate].

    threshold       relative slowdown above which a cell may be red
    source          the folder in which the packages lie, from the repository's top
    packages        the library's own top-level names
    optimizers      what is judged, an Entry each
    benchmarks      MODULE:FUNCTION each: a function without arguments that returns what is timed, a function without
                    arguments too. Outside the packages, MODULE lies at the repository's top
    formulas        the folder is a Twinstep: every formula of its scratch_impls is judged
    """

    threshold: float = Rule.threshold
    source: str = "."
    packages: tuple[str, ...] = ()
    optimizers: tuple[Entry, ...] = ()
    benchmarks: tuple[str, ...] = ()
    formulas: bool = False

    @property
    def rule(self) -> Rule:
        return Rule(threshold=self.threshold)


PARTS = frozenset({"agreement", "tests", "time", "reference"})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be judged.

    base, head      the two checkouts
    accepted        names of removals, checks and losses that a maintainer accepts
    only            cells to time, by the beginning of their names; all unless given
    parts           what is done, of PARTS: the self-test leaves out what its own trees cannot differ in
    keep_going      times everything, also where the gate is red already
    """

    base: Checkout
    head: Checkout
    settings: Settings
    accepted: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()
    parts: frozenset[str] = PARTS
    keep_going: bool = False

    @property
    def orders(self) -> dict[str, Any]:
        roots = {"base": str(self.base.root), "head": str(self.head.root)}
        return {**roots, "settings": asdict(self.settings), "reference": "reference" in self.parts}


def read(root: Path) -> Settings | None:
    """The settings of the tree at root; None where it has none. GateError says what is wrong with them."""
    file = root / "pyproject.toml"
    if not file.is_file():
        return None
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GateError(f"pyproject.toml cannot be read: {error}") from None
    for name in ("tool", "twinstep", "gate"):
        if name not in table:
            return None
        table = table[name]
        if not isinstance(table, Mapping):
            raise GateError(f"pyproject.toml: {name} in [tool.twinstep.gate] is {table!r}, which is no table of keys")
    return parse(table)


def settings_of(base: Path) -> Settings:
    """The base's settings. GateError when it has none."""
    found = read(base)
    if found is None:
        raise GateError(
            "the base has no [tool.twinstep.gate] in its pyproject.toml, so there is nothing to judge it by; a gate "
            "begins with the commit after the one that adds it"
        )
    _check_folders(found, base.resolve())
    return found


def _check_folders(settings: Settings, base: Path) -> None:
    """GateError where the source or a package is not there: otherwise both sides would fail, and the gate be red."""
    source = (base / settings.source).resolve()
    if not source.is_dir() or not source.is_relative_to(base):
        raise GateError(f"source = {settings.source!r}: the base has no such folder")
    for name in settings.packages:
        # A module of one file, or compiled: of that `Tree` says why it cannot be gated, which is more than "not there".
        if not (source / name).is_dir() and not list(source.glob(f"{glob.escape(name)}.*")):
            raise GateError(f"packages names {name!r}, and there is none in {settings.source!r} of the base")


def parse(table: Mapping[str, Any]) -> Settings:
    """GateError for an unknown key or a value that cannot be."""
    entries = tuple(_construct(Entry, entry, "optimizers") for entry in table.get("optimizers", ()))
    settings = _construct(Settings, {**table, "optimizers": entries}, "[tool.twinstep.gate]")
    for name in (*(e.optimizer for e in settings.optimizers), *settings.benchmarks):
        if not all(name.partition(":")):
            raise GateError(f"{name!r} names nothing: write MODULE:NAME, such as their_library:TheirAdam")
    if not (settings.formulas or settings.optimizers or settings.benchmarks):
        raise GateError("[tool.twinstep.gate] names neither optimizers nor benchmarks, so there is nothing to guard")
    try:
        settings.rule  # noqa: B018  its own errors, now
    except ValueError as error:
        raise GateError(str(error)) from None
    return settings


def _construct(kind: Any, table: Any, where: str) -> Any:
    if not isinstance(table, Mapping):
        raise GateError(f"{where} holds {table!r}, which is no table of keys")
    known = [f.name for f in fields(kind)]
    # A typo in a threshold must not mean the default, silently.
    for name in table:
        if name not in known:
            raise GateError(f"{where} has no {name!r}: {nearest(name, known)}")
        _check_value(kind, name, table[name], where)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    # What a dataclass says of a missing key, without `Entry.__init__()` before it: who writes TOML knows no such thing.
    try:
        return kind(**values)
    except TypeError as error:
        raise GateError(f"{where}: {str(error).partition('__init__() ')[2]}") from None


def _check_value(kind: Any, name: str, value: Any, where: str) -> None:
    """GateError for a value of another type than its field; the rule says which thresholds can be."""
    # Annotations are text here: `from __future__ import annotations`.
    wanted = str({field.name: field.type for field in fields(kind)}[name])
    if wanted == "str" and not isinstance(value, str):
        raise GateError(f"{where}: {name} = {value!r}: it must be text")
    if wanted == "bool" and not isinstance(value, bool):
        raise GateError(f"{where}: {name} = {value!r}: it must be true or false")
    if wanted.startswith("Mapping") and not isinstance(value, Mapping):
        raise GateError(f"{where}: {name} = {value!r}: it must be a table of keys")
    if wanted == "tuple[str, ...]" and not (
        isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)
    ):
        raise GateError(f"{where}: {name} = {value!r}: it must be a list of texts")


def differences(base: Settings, head: Settings | None) -> list[str]:
    """What the head would have decided otherwise by its own settings, for the summary."""
    if head is None:
        return ["the head has no [tool.twinstep.gate]; judged by the base's"]
    return [
        f"the head sets {f.name} = {getattr(head, f.name)!r}; judged by the base's {getattr(base, f.name)!r}"
        for f in fields(Settings)
        if getattr(base, f.name) != getattr(head, f.name)
    ]


def needs(root: Path) -> tuple[object, str]:
    """What the tree at root is installed with, as far as its files say."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    # A head whose file is damaged is not judged by it: what is installed then counts as changed, which is a note.
    except (OSError, ValueError):
        project = {}
    constraints = root / "constraints.txt"
    pinned = constraints.read_text(encoding="utf-8") if constraints.is_file() else ""
    return (project.get("dependencies"), project.get("requires-python")), pinned
