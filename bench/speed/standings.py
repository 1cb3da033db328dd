"""Rows of timings as a table of a hundred columns: who is faster than the reference, by how much, how surely."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .cells import label

VERDICTS = ("FASTER", "SLOWER", "TIE", "WRONG")
_HEAD = ("cell", "implementation", "step", "ratio", "95 % interval", "verdict", "floor")
_LEFT = (0, 1, 5)  # columns of words
_LEGEND = (
    "ratio: time of a step over that of the first without one: torch's for-loop, or the formula on NumPy",
    "floor: part of a step that moving its memory takes at this machine's bandwidth, measured beside it",
)


def lines(rows: Iterable[Mapping[str, Any]], *, width: int = 100) -> list[str]:
    """The table, a line a row, no line longer than width; empty where no row has a verdict or a ratio."""
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row.get("verdict") or row.get("replay_s"):
            case = "" if row["case"] == "default" else row["case"]
            cells.setdefault(f"{label(row['optimizer'], case)}-{row['problem']}", []).append(row)
    if not cells:
        return []
    body, verdicts = [], Counter[str]()
    for name, members in cells.items():
        reference = reference_of([row["implementation"] for row in members])
        for row in sorted(members, key=lambda row: row["implementation"] != reference):
            known = row["implementation"] == reference and row.get("verdict") != "WRONG"
            body.append((name, row["implementation"], *_figures(row, compared=not known)))
            verdicts[row.get("verdict") or ""] += not known
            name = ""
    counted = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
    return [*_table(body, width), *(text[:width] for text in _LEGEND), f"verdicts: {counted}"]


def reference_of(implementations: Sequence[str]) -> str:
    """Which of those of one cell the others' times are held against."""
    return "torch-forloop" if "torch-forloop" in implementations else "scratch-numpy"


def _figures(row: Mapping[str, Any], *, compared: bool) -> tuple[str, ...]:
    """The texts from step on: what is WRONG has no numbers, and the reference no ratio."""
    if row.get("verdict") == "WRONG":
        return ("", "", "", "WRONG", "")
    step = seconds(row["replay_s"] if row.get("replay_s") else row["step_s"])
    part = row.get("floor_fraction")
    floor = "" if part is None else f"{100 * part:.0f} %" if part >= 0.01 else "<1 %"
    if not compared or row.get("ratio") is None:
        return (step, "", "", "", floor)
    interval = f"{number(row['ratio_low'])} to {number(row['ratio_high'])}"
    return (step, number(row["ratio"]), interval, row.get("verdict") or "", floor)


def _table(body: Sequence[Sequence[str]], width: int) -> list[str]:
    """Columns as wide as what they hold; the first gives way where all of them are wider than width."""
    wide = [max(len(row[k]) for row in [_HEAD, *body]) for k in range(len(_HEAD))]
    wide[0] = max(8, min(wide[0], width - sum(wide[1:]) - 2 * (len(_HEAD) - 1)))
    found = []
    for row in [_HEAD, *body]:
        first = row[0] if len(row[0]) <= wide[0] else row[0][: wide[0] - 1] + "…"
        texts = [first, *row[1:]]
        padded = (t.ljust(w) if k in _LEFT else t.rjust(w) for k, (t, w) in enumerate(zip(texts, wide, strict=True)))
        found.append("  ".join(padded).rstrip())
    return found


def number(value: float) -> str:
    """Three digits, no exponent up to a million."""
    if not math.isfinite(value):
        return str(value)
    digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}" if digits < 6 else f"{value:.2e}"


def seconds(value: float) -> str:
    """A time with its unit, three digits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{number(value * factor)} {unit}"
    return f"{number(value * 1e9)} ns"
