"""The journal: rows as they are measured, one JSON line each, append-only, one file a kind.

A row reaches the file in one write at its end, so an interrupted run keeps every row it finished and processes that
write side by side do not mix their lines. JSON has no NaN and no infinity: such a number is written as
{"float": "nan"}, {"float": "inf"} or {"float": "-inf"}, which no row value is otherwise, since values are scalars.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import rows
from .rows import Row

try:
    import fcntl
except ImportError:  # no such lock on Windows: a repair there must not run beside another writer
    fcntl = None  # type: ignore[assignment]


class TableError(ValueError):
    """A folder, journal or table that cannot be used as it is; the message says what is wrong and what is right."""


class DamagedJournal(UserWarning):
    """A line of a journal could not be read; the message says where it is now."""


def encode(row: Mapping[str, Any]) -> str:
    """One line of valid JSON; floats survive to the last bit, NaN and infinities too."""
    # Python's json would write NaN, which is no JSON: jq and JavaScript refuse such a file as a whole.
    safe = {k: {"float": repr(v)} if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    return json.dumps(safe, allow_nan=False, ensure_ascii=False)


def decode(line: str) -> Row:
    """What `encode` was given. ValueError when the line is not one JSON object."""
    row = json.loads(line, object_hook=lambda d: float(d["float"]) if list(d) == ["float"] else d)
    if not isinstance(row, dict):
        raise ValueError("a line of a journal is one JSON object")
    return row


def new_run() -> str:
    """The id that all rows of one run carry: its UTC start, the process and a random part."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}-{os.urandom(3).hex()}"


def journal_path(folder: str | Path, kind: str) -> Path:
    """Where the journal of that kind lies: one file a kind, so that a reader of losses skips no timings."""
    return Path(folder) / f"{kind}.jsonl"


class Journal:
    """The journals of one folder, for one run.

    folder      made when it is not there; TableError when nothing can be written into it
    run         the id of this run; a new one unless given
    """

    def __init__(self, folder: str | Path, *, run: str | None = None) -> None:
        self.folder, self.run = Path(folder), run or new_run()
        make_folder(self.folder)
        self._repaired: set[str] = set()

    def append(self, kind: str, row: Mapping[str, Any]) -> None:
        """Completes the row with its environment, checks it and writes it. RowError, TableError."""
        complete = rows.complete(kind, row)
        path = journal_path(self.folder, kind)
        if kind not in self._repaired:
            set_aside_damage(path)
            self._repaired.add(kind)
        append_line(path, {"run": self.run, **complete})


def append_line(path: Path, row: Mapping[str, Any]) -> None:
    """Writes one row at the end of a journal. TableError when it does not fit."""
    line = (encode(row) + "\n").encode()
    with _locked(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
        # One write at the end of the file: two writers cannot get into each other's lines.
        written = os.write(file, line)
    if written != len(line):
        raise TableError(f"{path}: only {written} of {len(line)} bytes were written; is the disk full?")


def read(folder: str | Path, kind: str, *, run: str | None = None) -> list[Row]:
    """The rows of one kind, oldest first, `run` included; of one run where it is named.

    A line that is no row is left out with a warning, never silently.
    """
    path, found = journal_path(folder, kind), []
    for number, line in enumerate(lines(path), start=1):
        if run is not None and run.encode() not in line:  # before decoding: a journal of many runs is long
            continue
        try:
            row = decode(line.decode())
            missing = [name for name in ("run", *rows.columns(kind)) if name not in row]
            if missing:
                raise ValueError(f"it lacks {', '.join(missing)}")
        except ValueError as error:
            warnings.warn(f"{path}:{number} is no row ({error}); it is left out", DamagedJournal, stacklevel=2)
            continue
        if run is None or row["run"] == run:
            found.append(row)
    return found


def last_run(folder: str | Path, kind: str, *, of: str | None = None) -> list[Row]:
    """The rows of the run that wrote last, without its id.

    of      the kind whose last run is meant, where it is another: those rows alone, and none where that run has none
    """
    run = last_run_id(folder, of or kind)
    return [] if run is None else [{k: v for k, v in row.items() if k != "run"} for row in read(folder, kind, run=run)]


def last_run_id(folder: str | Path, kind: str) -> str | None:
    """The id of the run that wrote last; None where none did."""
    for line in reversed(lines(journal_path(folder, kind))):
        with contextlib.suppress(ValueError, KeyError):
            return str(decode(line.decode())["run"])
    return None


def lines(path: Path) -> list[bytes]:
    """The lines of a journal, undecoded; none where it is not there. TableError where it cannot be read."""
    try:
        text = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise TableError(f"cannot read the journal {path}: {error.strerror}") from None
    # Not splitlines(): a text value may hold one of the other characters that it takes for the end of a line.
    return text.removesuffix(b"\n").split(b"\n") if text else []


def set_aside_damage(path: Path) -> Path | None:
    """Moves a half-written last line into `NAME.jsonl.damaged` and warns; returns that file, or None if all is well."""
    if not path.exists():
        return None
    with _locked(path, os.O_RDWR) as file, open(file, "r+b", closefd=False) as journal:
        tail_at = journal.read().rfind(b"\n") + 1
        journal.seek(tail_at)
        tail = journal.read()
        if not tail:
            return None
        with contextlib.suppress(ValueError):
            decode(tail.decode())
            journal.write(b"\n")  # a whole row that lacks its end
            return None
        aside = path.with_name(path.name + ".damaged")
        # Appended: an earlier crash may have left its half line there.
        with aside.open("ab") as side:
            side.write(tail + b"\n")
        journal.truncate(tail_at)
    warnings.warn(f"{path} ended in half a line; it is set aside in {aside}", DamagedJournal, stacklevel=2)
    return aside


def make_folder(folder: Path) -> None:
    """TableError unless the folder is there, or can be made, and takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Tried, not asked: permissions say yes on a read-only or full file system.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise TableError(f"cannot write into {folder}: {error.strerror}; name a folder that can be written") from None


@contextlib.contextmanager
def _locked(path: Path, flags: int) -> Iterator[int]:
    """An open file that no other writer of this module touches at the same time."""
    try:
        file = os.open(path, flags, 0o644)
    except OSError as error:
        raise TableError(f"cannot write {path}: {error.strerror}") from None
    try:
        if fcntl is not None:
            # Against a repair, which reads and truncates: appending alone would be safe without.
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
