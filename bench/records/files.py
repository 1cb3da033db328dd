"""The files of a results folder beside its journals: the names of tables and pictures, and which are outdated.

Old and new never stand side by side: what is derived from rows that are shown no longer goes when the tables change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from .journal import journal_path
from .rows import KINDS

SUFFIXES = (".csv", ".parquet")
_DRAWN = ("losses", "curves", "traces")  # the kinds that the pictures of a run show


def table_path(folder: str | Path, kind: str, suffix: str = ".csv") -> Path:
    """Where the table of that kind lies; suffix is one of SUFFIXES."""
    return Path(folder) / f"{kind}{suffix}"


def picture_path(folder: str | Path, what: str, problem: str) -> Path:
    """Where the picture of a problem's "losses" or "traces" lies."""
    return Path(folder) / f"{what}-{problem}.png"


def pictures(folder: str | Path) -> list[Path]:
    """The pictures of runs that are there: of problems that some run of this journal had, and no file of others."""
    journal = _content(journal_path(folder, "losses"))
    there = [path for what in ("losses", "traces") for path in Path(folder).glob(f"{what}-*.png")]
    # Found in the journal's bytes, as `encode` wrote them: to decode the rows of many runs takes far longer.
    named = {path: json.dumps(path.stem.partition("-")[2], ensure_ascii=False) for path in there}
    return sorted(path for path, problem in named.items() if f'"problem": {problem}'.encode() in journal)


def remove_outdated(folder: Path, texts: Mapping[str, bytes]) -> None:
    """Before new tables are written: removes the tables that have no rows now, and the pictures where others are shown.

    texts       kind -> the CSV that is about to take its place
    """
    for kind in (kind for kind in KINDS if KINDS[kind].beside and kind not in texts):
        for suffix in SUFFIXES:
            table_path(folder, kind, suffix).unlink(missing_ok=True)
    # A table holds no run ids: the same seeds give the same bytes, and the pictures of those are right.
    if any(_content(table_path(folder, kind)) != texts.get(kind, b"") for kind in _DRAWN):
        for picture in pictures(folder):
            picture.unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
