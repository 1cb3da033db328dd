"""Tables: what the journal's last run measured, as CSV and Parquet, for pandas and for people.

A table holds neither run ids nor times of day, and its rows are sorted by identity: the same seeds on the same machine,
versions and thread count give the same bytes, in whatever order the workers finished.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import journal
from .files import SUFFIXES, remove_outdated, table_path
from .journal import TableError
from .rows import ENVIRONMENT, IDENTITY, KINDS, Row, columns, ordered

if TYPE_CHECKING:
    import pandas

__all__ = [
    "SUFFIXES", "TableError", "check_folder", "frame", "read_table", "table_path", "tidy", "write_tables",
]  # fmt: skip

_NUMBERS = ("seed", "threads")  # the identity and environment columns that are not text


def check_folder(folder: str | Path) -> None:
    """Makes the folder. TableError when it takes no files, or when a file that is not ours has a table's name.

    Worth calling before a long run as well as before writing.
    """
    journal.make_folder(Path(folder))
    for kind in KINDS:
        path = journal.journal_path(folder, kind)
        if path.exists() and not path.is_file():
            raise TableError(f"{path} is no file, and the journal has this name; move it away, or name another folder")
        for suffix in SUFFIXES:
            check_is_ours(table_path(folder, kind, suffix), kind)


def check_is_ours(path: Path, kind: str) -> None:
    """TableError when there is a file at path and it does not have the columns of such a table."""
    if not path.exists():
        return
    missing = [name for name in columns(kind) if name not in _header(path)]
    if missing:
        raise TableError(
            f"{path} is not a {kind} table of twinstep (it lacks the columns {', '.join(missing[:4])}, ...), so it is"
            " not overwritten; move it away, or name another folder"
        )


def write_tables(folder: str | Path) -> list[Path]:
    """Derives every table from the rows of the last run that wrote its kind; returns the files, sorted.

    Nothing is written when any of them would overwrite a foreign file, and each takes its place in one move.
    """
    folder = Path(folder)
    check_folder(folder)
    found = {kind: tidy(kind, journal.last_run(folder, kind, of=KINDS[kind].beside)) for kind in KINDS}
    frames = {kind: frame(kind, rows) for kind, rows in found.items() if rows}
    texts = {kind: csv_text(kind, found[kind]).encode() for kind in frames}
    remove_outdated(folder, texts)
    written = []
    for kind, table in frames.items():
        content = {".csv": lambda k=kind: texts[k], ".parquet": lambda t=table: _parquet(t)}
        for suffix, make in content.items():
            path = table_path(folder, kind, suffix)
            replace_file(path, make)
            written.append(path)
    return sorted(written)


def tidy(kind: str, rows: Iterable[Row]) -> list[Row]:
    """Rows sorted by identity, each once; where the kind says so, only the worst of each identity."""
    once = sorted(
        {journal.encode(row): row for row in rows}.items(), key=lambda item: (_identity_key(item[1]), item[0])
    )
    worst = KINDS[kind].worst
    if worst is None:
        return [row for _, row in once]
    kept: dict[tuple[Any, ...], Row] = {}
    for _, row in once:
        best = kept.get(_identity_key(row))
        if best is None or _nan_as_worst(row[worst]) > _nan_as_worst(best[worst]):
            kept[_identity_key(row)] = row
    return list(kept.values())


def _identity_key(row: Row) -> tuple[Any, ...]:
    """A key that sorts rows of any seeds: numbers by size, text after them, None last."""
    return tuple(
        (2, 0, "") if value is None else (1, 0, value) if isinstance(value, str) else (0, value, "")
        for value in (row[name] for name in IDENTITY)
    )


def _nan_as_worst(value: float) -> float:
    return math.inf if math.isnan(value) else value  # a gap that is not a number is the worst there is


def frame(kind: str, rows: list[Row]) -> pandas.DataFrame:
    """The rows as they are, as a DataFrame. TableError when a column holds text and numbers."""
    import pandas

    names = ordered(kind, {name for row in rows for name in row})
    for name in names:
        # Whole numbers and fractions are one column; True beside 1.0 is two, since pandas would make objects of them.
        types = {float if isinstance(row[name], int) and not isinstance(row[name], bool) else type(row[name])
                 for row in rows if row.get(name) is not None}  # fmt: skip
        if len(types) > 1:
            raise TableError(f"the column {name} of {kind} holds {' and '.join(sorted(t.__name__ for t in types))}")
    return pandas.DataFrame([{name: row.get(name) for name in names} for row in rows], columns=names)


def csv_text(kind: str, rows: list[Row]) -> str:
    """CSV with floats to the last bit; an absent value is empty, a number that is not one is `nan`."""
    names = ordered(kind, {name for row in rows for name in row})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(["" if row.get(n) is None else row[n] for n in names] for row in rows)
    return text.getvalue()


def read_table(path: str | Path) -> pandas.DataFrame:
    """A table of ours, from CSV or Parquet. TableError when it is not there or is not one."""
    import pandas

    path = Path(path)
    if not path.is_file():
        raise TableError(f"there is no table {path}")
    missing = [name for name in IDENTITY if name not in _header(path)]
    if missing:
        raise TableError(f"{path} is not a table of twinstep: it lacks the columns {', '.join(missing)}")
    if path.suffix == ".parquet":
        return pandas.read_parquet(path)
    # As text first: a case may be called "null", which pandas takes for a missing value, and not every version of
    # its parser returns every float to the last bit.
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)
    for name in table.columns:
        if name in _NUMBERS or name not in (*IDENTITY, *ENVIRONMENT):
            table[name] = _numbers(table[name])
    return table


def _numbers(column: pandas.Series) -> pandas.Series:
    """A column of text as whole numbers, else as numbers, else as booleans, else as it is."""
    for convert in (int, lambda text: float(text or "nan"), {"True": True, "False": False}.__getitem__):
        with contextlib.suppress(ValueError, KeyError):
            return column.map(convert)
    return column


def _header(path: Path) -> list[str]:
    """The column names of a file; none when it is no such file."""
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet

            return list(pyarrow.parquet.read_schema(path).names)
        # -sig: Excel saves a CSV with a byte order mark, which would be part of the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error):  # pyarrow's own errors are ValueErrors and OSErrors
        return []


def replace_file(path: Path, content: Callable[[], bytes]) -> None:
    """Puts content in the place of path in one move, so that no reader ever sees half a file. TableError."""
    # Beside it, since a move to another file system is a copy; with a random part, for two writers in one process.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(3).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(content())
            file.flush()
            # Or the move may reach the disk before the content, and a power cut leaves an empty table.
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise TableError(f"cannot write {path}: {error.strerror}; name a folder that can be written") from None
    finally:
        temporary.unlink(missing_ok=True)


def _parquet(table: pandas.DataFrame) -> bytes:
    # To memory first: pyarrow closes a file handle that it is given.
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
