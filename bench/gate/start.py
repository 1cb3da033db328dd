"""From the command to the program: two checkouts side by side, and the gate program of the base on top of them.

A pull request must not judge itself. Where the library under the gate is Twinstep, the base's own gate program runs, in
a process of its own; where it is another, the installed Twinstep does, which no pull request of theirs can touch.

Versions meet here: an older gate, or a newer one, starts this module of the other by its path and names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from ..battery.child import command
from ..battery.guard import end_with
from . import config, report
from .config import Plan
from .history import History
from .outcome import Outcome
from .program.run import run
from .trees import Checkout, GateError, checkout, is_ancestor, repository, snapshot

# One a machine, whoever's: two gates at once would time each other.
LOCK = Path(tempfile.gettempdir()) / "twinstep-gate.lock"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line says; paths are absolute.

    start       a folder inside the head's repository
    base        any name of a commit
    accepted    names that a maintainer accepts
    only        beginnings of names of cells to time
    keep_going  whether to time on where the gate is red already
    """

    start: Path
    base: str
    out: Path
    accepted: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    keep_going: bool = False
    json_file: Path | None = None
    junit_file: Path | None = None
    markdown_file: Path | None = None


@contextmanager
def alone() -> Iterator[None]:
    """GateError when another gate is timing on this machine."""
    try:
        # Another user's gate must be able to take the same lock.
        with filelock.FileLock(LOCK, timeout=0, mode=0o666):
            yield
    except filelock.Timeout:
        raise GateError(
            "another gate is timing on this machine, and each would disturb the other: try again later"
        ) from None
    except PermissionError:  # whatever its mode, in a sticky folder with Linux's fs.protected_regular
        raise GateError(
            f"{LOCK} belongs to somebody else and cannot be locked; is another user's gate running?"
        ) from None


def gate(request: Request) -> int:
    """Runs the whole gate; returns its exit code. GateError for what cannot be judged."""
    repo = repository(request.start)
    with alone(), tempfile.TemporaryDirectory(prefix="twinstep-gate-") as folder:
        # Files of their own, outside the repository: the working tree goes on being edited while the gate runs.
        base = checkout(repo, request.base, Path(folder, "base"))
        head = snapshot(repo, Path(folder, "head"))
        settings = config.settings_of(base.root)
        orders = Path(folder, "orders.json")
        orders.write_text(json.dumps(_orders(request, repo, base, head)), encoding="utf-8")
        # Another library's gate: the installed Twinstep judges, and no pull request of theirs changes that.
        if not settings.formulas:
            return obey(str(orders))
        if not (base.root / "bench" / "gate" / "start.py").is_file():
            raise GateError("the base has no gate program (bench/gate): a gate begins with the commit that adds it")
        return _run(command("bench.gate.start", "obey", str(orders), name="twinstep_gate", root=base.root))


def _orders(request: Request, repo: Path, base: Checkout, head: Checkout) -> dict[str, Any]:
    """What `obey` reads: the words between two versions of the gate, so that a key may be added and none may go."""
    notes = []
    if "+dirty" in head.commit:
        notes.append("the head is the working tree as it lies, with changes that are not committed")
    if not is_ancestor(repo, request.base):
        notes.append(f"the head does not contain {request.base}: what changed there alone counts against the head")
    files = {kind: getattr(request, f"{kind}_file") for kind in ("json", "junit", "markdown")}
    return {
        "base": [str(base.root), base.commit], "head": [str(head.root), head.commit], "out": str(request.out),
        "accepted": request.accepted, "only": request.only, "notes": notes,
        "keep_going": request.keep_going, "starter": os.getpid(),
        "files": {kind: str(file) for kind, file in files.items() if file is not None},
    }  # fmt: skip


def _run(order: Sequence[str]) -> int:
    with subprocess.Popen(order) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal sends it to both; the program is keeping its rows
            process.wait()
            raise


def obey(orders: str) -> int:
    """The gate program's life, in whichever tree it stands; orders is the file that `gate` wrote."""
    given = json.loads(Path(orders).read_text(encoding="utf-8"))
    if given.get("starter", os.getpid()) != os.getpid():
        end_with(given["starter"])  # a command that was killed leaves no program behind that goes on timing
    base, head = (Checkout(root=Path(root), commit=commit) for root, commit in (given["base"], given["head"]))
    plan = Plan(
        base=base, head=head, settings=config.settings_of(base.root), accepted=frozenset(given["accepted"]),
        only=tuple(given["only"]), keep_going=bool(given.get("keep_going", False)),
    )  # fmt: skip
    progress = report.progress_printer(quiet=bool(os.environ.get("CI")) and not sys.stderr.isatty())
    try:
        outcome = run(plan, History(given["out"]), progress)
    except KeyboardInterrupt:
        print("interrupted: every finished row is kept", file=sys.stderr)
        return 130
    except GateError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    outcome.notes = [*given["notes"], *outcome.notes]
    _write(outcome, {kind: Path(file) for kind, file in given["files"].items()}, Path(given["out"]))
    report.show(outcome)
    return outcome.exit_code


def _write(outcome: Outcome, files: dict[str, Path], out: Path) -> None:
    report.write(outcome, {"json": out / "gate.json", "junit": out / "gate.xml", "markdown": out / "gate.md", **files})
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        # Appended: earlier steps of the job have written theirs.
        with open(summary, "a", encoding="utf-8") as file:
            file.write(report.markdown(outcome) + "\n")
