"""What a gate run found, and the one exit code that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .decide import INCONCLUSIVE, OPEN, PASS, REGRESSION, Decision

Progress = Callable[[str], Any]  # called with one line for each step of the way

# A gate that measured nothing must not be green: pytest-benchmark's --benchmark-compare-fail exits 0 when a benchmark
# was removed, when all were renamed and when none was selected.
PASSED, RED, USAGE, UNCLEAR, NOTHING = 0, 1, 2, 3, 4  # exit codes
MEANING = {
    PASSED: "PASS",
    RED: "RED: a regression or a disagreement",
    UNCLEAR: "INCONCLUSIVE: this machine could not decide",
    NOTHING: "RED: something that was expected is not there, or nothing was measured",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong, under the name by which a maintainer can accept it.

    kind    "agreement", "loss", "broken" (the head does not run), "vanished" or "idle" (what is timed does nothing)
    """

    name: str
    kind: str
    text: str
    accepted: bool = False


@dataclass
class Outcome:
    """A gate run.

    cells       name of a cell -> its decision; numbers: name -> (changes, nulls), one of each a process
    reference   name -> (ratio to the twin, low, high) of the head
    faults      what is wrong beside times; those that were accepted by name are marked
    notes       what a reader must know and what makes nothing red
    checks      optimizer -> (checks that ran, checks that failed)
    """

    base: str
    head: str
    threshold: float
    cells: dict[str, Decision] = field(default_factory=dict)
    numbers: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    reference: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: dict[str, tuple[int, int]] = field(default_factory=dict)
    losses: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    expected_cells: int = 0
    expected_tests: int | None = None
    found_tests: int | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    load: tuple[float, float] | None = None
    seconds: float = 0.0

    def of_kind(self, *kinds: str, accepted: bool = False) -> list[Fault]:
        """The faults of these kinds that nobody accepted; those that somebody did where accepted."""
        return [f for f in self.faults if f.kind in kinds and f.accepted == accepted]

    def verdicts(self, *wanted: str) -> list[str]:
        """The names of the cells that were decided so."""
        return [name for name, decision in self.cells.items() if decision.verdict in wanted]

    @property
    def ran(self) -> int:
        return sum(ran for ran, _ in self.checks.values())

    @property
    def exit_code(self) -> int:
        """The worst that was found: wrong or slower, then not there, then undecided."""
        if self.of_kind("agreement", "loss", "broken") or self.verdicts(REGRESSION):
            return RED
        if self.of_kind("vanished", "idle") or not (self.ran or self.cells):
            return NOTHING
        # A benchmark that nobody decided on is no benchmark that passed.
        if self.verdicts(INCONCLUSIVE, OPEN) or len(self.cells) < self.expected_cells:
            return UNCLEAR
        return PASSED

    @property
    def meaning(self) -> str:
        return MEANING[self.exit_code]


def accept(faults: Iterable[Fault], names: Iterable[str]) -> Iterator[Fault]:
    """The faults, those marked that a maintainer accepted: a removal, or a check that is known to fail from now on."""
    given = set(names)
    for fault in faults:
        # "broken" is not: a head that does not run was not judged, and nobody can accept what nobody saw.
        acceptable = fault.kind in ("vanished", "agreement", "loss", "idle")
        yield Fault(**{**vars(fault), "accepted": True}) if acceptable and fault.name in given else fault


__all__ = ["MEANING", "NOTHING", "PASS", "PASSED", "RED", "UNCLEAR", "USAGE", "Fault", "Outcome", "Progress", "accept"]
