"""The one identity scheme: what was measured, and where. A row is one measured fact; a table is a list of rows."""

from __future__ import annotations

import difflib
import functools
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# What makes two rows the same cell; where it was measured is no part, so that a table of one machine judges another's.
IDENTITY = ("optimizer", "case", "problem", "implementation", "seed", "dtype", "device")
ENVIRONMENT = ("twinstep", "commit", "python", "torch", "numpy", "processor", "threads", "system")
IMPLEMENTATIONS = ("scratch", "scratch-numpy", "torch-forloop", "torch-foreach", "torch-fused")

Row = dict[str, Any]


class RowError(ValueError):
    """A row lacks something, or its kind is unknown; the message says what, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of row.

    measured    columns that every row has, beside identity and environment; more are welcome
    worst       rows of one identity become one row in the table: the one with the largest value of this column
                (None: every different row stays)
    beside      the kind whose rows these explain: only those of its last run are shown
    """

    measured: tuple[str, ...]
    worst: str | None = None
    beside: str | None = None


KINDS: dict[str, Kind] = {
    # The columns of a replay's Gap, in its order.
    "agreement": Kind(
        measured=("gap_bounds", "gap_ulp", "step", "tensor", "element", "ours", "theirs", "bound"), worst="gap_bounds"
    ),
    "losses": Kind(measured=("final_loss",)),
    # A time is any column that ends in _s (seconds); ratio is dimensionless, scratch over torch.
    "timings": Kind(measured=("ratio",)),
    # What is drawn, a series a row, its numbers packed as text (`series`). options: the case's, as a picture names it.
    # The loss over all data, at these steps; 0 is the start.
    "curves": Kind(measured=("options", "steps", "losses"), beside="losses"),
    # Where the parameters of a 2-D problem are after these steps, thinned.
    "traces": Kind(measured=("options", "steps", "x1", "x2"), beside="losses"),
    # The largest gap of all elements after each step of one replay (scenario: the gradients that both sides received).
    "growth": Kind(measured=("scenario", "steps", "gap_bounds"), beside="losses"),
}


def columns(kind: str) -> tuple[str, ...]:
    """The columns that every row of this kind has, in the order of the table. RowError for an unknown kind."""
    if kind not in KINDS:
        close = difflib.get_close_matches(str(kind), KINDS, n=1)
        raise RowError(f"no kind {kind!r} of rows: " + (f"did you mean {close[0]!r}?" if close else ", ".join(KINDS)))
    return (*IDENTITY, *KINDS[kind].measured, *ENVIRONMENT)


def ordered(kind: str, names: Iterable[str]) -> list[str]:
    """Any columns in the order of the table: identity, measured, further ones by name, environment."""
    always, given = columns(kind), set(names)
    further = sorted(given - set(always))
    return [n for n in (*always[: -len(ENVIRONMENT)], *further, *ENVIRONMENT) if n in given]


def complete(kind: str, row: Mapping[str, Any]) -> Row:
    """The row with its environment, in the order of the table.

    row     identity and measured columns; environment columns that are given (by a process that measured elsewhere)
            are kept. Values are text, numbers, booleans or None; NumPy's and torch's scalars become Python's.
    Raises RowError for an unknown kind, a missing column or a value that no table can hold.
    """
    missing = [name for name in columns(kind) if name not in row and name not in ENVIRONMENT]
    if missing:
        raise RowError(f"a row of kind {kind!r} lacks {', '.join(missing)}; it has {', '.join(row) or 'nothing'}")
    if kind == "timings" and not any(name.endswith("_s") for name in row):
        raise RowError("a row of kind 'timings' has no time: a column that ends in _s, in seconds")
    # What the row says goes before: a worker process measured it, in an environment of its own.
    values = {**environment(), **row}
    return {name: _as_python_value(name, values[name]) for name in ordered(kind, values)}


def name_of(row: Mapping[str, Any]) -> str:
    """How a cell is named in messages: `rmsprop/momentum digits-mlp scratch seed 0 float64 cpu`."""
    return "{optimizer}/{case} {problem} {implementation} seed {seed} {dtype} {device}".format(**row)


def _as_python_value(name: str, value: Any) -> Any:
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise RowError(f"the column {name} holds a {type(value).__name__}; a table holds text, numbers, booleans and None")


def environment() -> Row:
    """Where this process measures: versions, commit, processor, torch threads, system."""
    import torch

    # Threads are the one thing that a process may change while it runs.
    return {**_fixed_environment(), "threads": torch.get_num_threads()}


@functools.cache
def _fixed_environment() -> Row:
    import numpy
    import torch

    return {
        "twinstep": version(),
        "commit": commit(ROOT),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "processor": processor(),
        "threads": None,
        "system": f"{platform.system()}-{platform.machine()}",
    }


def version() -> str:
    """The version of this tree: its own pyproject.toml first, since the installed name may point to another tree."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        found = re.search(r'^version\s*=\s*"([^"]+)"', project.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
    try:
        return metadata.version("twinstep")
    except metadata.PackageNotFoundError:
        return "unknown"


def commit(root: Path) -> str:
    """The commit of the tree at root, 12 digits, "+dirty" when files differ from it; "unknown" outside a repository."""
    # Without this test a tree inside somebody else's repository would report that one's commit.
    if not (root / ".git").exists():
        return "unknown"
    try:
        git = ["git", "-C", str(root)]
        # Twelve digits: git's own --short grows with the repository, and names of one commit must stay equal.
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, timeout=10)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if head.returncode or changes.returncode:
        return "unknown"
    return head.stdout.strip() + ("+dirty" if changes.stdout.strip() else "")


@functools.cache
def processor() -> str:
    """The processor's name, as py-cpuinfo gives it where it is installed (it comes with pytest-benchmark)."""
    try:
        import cpuinfo
    except ImportError:
        return platform.processor() or platform.machine() or "unknown"
    # On Linux platform.processor() is empty or x86_64, by which rows of two machines could not be told apart.
    return str((cpuinfo.get_cpu_info() or {}).get("brand_raw") or platform.processor() or "unknown")
