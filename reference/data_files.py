"""TOML files held against dataclasses: an unknown key, a missing one or a wrong type is told with its file and line."""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from ..scratch_impls import nearest

T = TypeVar("T")
Keys = tuple[str | int, ...]  # the way from the top of a file to a value: table, key, number in a list

_NAMED = {str: "text", int: "a whole number", bool: "true or false"}


class DataFileError(ValueError):
    """A data file is not what its reader asks for; the message begins with file and line."""


@dataclasses.dataclass(frozen=True)
class DataFile(Generic[T]):
    """A file that was read: its content, and where in it something stands."""

    path: Path
    content: T

    def error(self, keys: Keys, said: str) -> DataFileError:
        return _error(self.path, self.path.read_text(encoding="utf-8"), keys, said)


def read(path: Path, kind: type[T]) -> DataFile[T]:
    """The file as an instance of a dataclass. DataFileError says what is wrong with it, and on which line."""
    try:
        text = path.read_text(encoding="utf-8")
        return DataFile(path, _made(kind, tomllib.loads(text), ()))
    except FileNotFoundError:
        raise DataFileError(f"{path}:1: there is no such file") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataFileError(f"{path}:{line}: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # From the message, since the error has `lineno` only from Python 3.14 on; "at end of document" names no line.
        stated = re.search(r"at line (\d+)", str(error))
        line = int(stated[1]) if stated else max(1, len(text.splitlines()))
        raise DataFileError(f"{path}:{line}: it is not TOML: {error}") from None
    except _Wrong as error:
        raise _error(path, text, error.keys, str(error)) from None


def is_named(path: Path, name: str) -> bool:
    """Whether a file has the name of what it holds, in small letters: sparse_adam.toml is SparseAdam's."""
    return re.sub("[^a-z0-9]", "", name.lower()) == path.stem.replace("_", "")


class _Wrong(ValueError):
    """What is wrong at a place of a file."""

    def __init__(self, keys: Keys, said: str) -> None:
        super().__init__(said)
        self.keys = keys


def _made(kind: Any, value: Any, keys: Keys) -> Any:
    """The value as the type that the dataclass gives it."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # a key that may be left out
        return _made(inner[0], value, keys)
    if dataclasses.is_dataclass(kind):
        return _instance(kind, _of_type(dict, value, keys, "a table"), keys)
    if origin is Mapping:
        return {k: _made(inner[1], v, (*keys, k)) for k, v in _of_type(dict, value, keys, "a table").items()}
    if origin is tuple:
        return tuple(_made(inner[0], v, (*keys, i)) for i, v in enumerate(_of_type(list, value, keys, "a list")))
    if origin is Literal:
        if value not in inner:
            raise _Wrong(keys, f"{_last(keys)} is {value!r}, and can be {', '.join(map(repr, inner))}")
        return value
    return _of_type(kind, value, keys, _NAMED[kind])


def _of_type(kind: type[T], value: Any, keys: Keys, named: str) -> T:
    if type(value) is not kind:  # isinstance would take true for a number
        raise _Wrong(keys, f"{_last(keys)} is {value!r}, and must be {named}")
    return value


def _instance(kind: Any, table: Mapping[str, Any], keys: Keys) -> Any:
    hints, fields = _hints(kind), dataclasses.fields(kind)
    known = [field.name for field in fields]
    for key in table:
        if key not in known:
            raise _Wrong((*keys, key), f"there is no key {key!r} here: {nearest(key, known)}")
    for field in fields:
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if field.name not in table and not optional:
            raise _Wrong(keys, f"{_last(keys)} lacks the key {field.name!r}")
    values = {key: _made(hints[key], value, (*keys, key)) for key, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:  # what the dataclass itself refuses
        raise _Wrong(keys, str(error)) from None


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _last(keys: Keys) -> str:
    """What a place is called in a message: 'shared', entry 3 of 'facts', the file."""
    if not keys:
        return "the file"
    return repr(keys[-1]) if isinstance(keys[-1], str) else f"entry {keys[-1] + 1} of {keys[-2]!r}"


def _error(path: Path, text: str, keys: Keys, said: str) -> DataFileError:
    return DataFileError(f"{path}:{_line(text, keys)}: {said}")


def _line(text: str, keys: Keys) -> int:
    """The line on which a place begins: the first after the longest beginning of the file that is TOML and lacks it."""
    # By parsing shorter and shorter beginnings, since tomllib gives no places; only a file with a mistake pays for it.
    lines = text.split("\n")
    for end in range(len(lines), -1, -1):
        try:
            if not _has(tomllib.loads("\n".join(lines[:end])), keys):
                return end + 1
        except tomllib.TOMLDecodeError:
            continue
    return 1


def _has(table: Any, keys: Keys) -> bool:
    try:
        for key in keys:
            table = table[key]
    except LookupError:
        return False
    return True
