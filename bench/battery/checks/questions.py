"""The questions of one check: each is asked, and an obstacle of one does not count as an answer to the others.

A check that ended at the first "does not apply" would pass, or not apply, by what its first case happens to be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..result import Failed, NotApplicable


class Questions:
    """Collects why questions could not be asked, and how many could.

    nothing     what is said where there was no question at all
    all         False: the first obstacle ends the check, as it did in the battery 0.2
    """

    def __init__(self, nothing: str = "there is nothing to ask", *, all: bool = True) -> None:
        self.all = all
        self.asked = 0
        self.nothing = nothing
        self.obstacles: list[str] = []

    @contextlib.contextmanager
    def ask(self) -> Iterator[None]:
        """What is inside asks one question; NotApplicable inside is kept for `conclude`, Failed passes through."""
        try:
            yield
        except NotApplicable as reason:
            if not self.all:
                raise
            self.obstacles.append(str(reason))
        else:
            self.asked += 1

    def obstacle(self, reason: str) -> None:
        """One question cannot be asked."""
        self.obstacles.append(reason)

    def conclude(self) -> None:
        """NotApplicable, with every reason once, where no question could be asked."""
        if not self.asked:
            raise NotApplicable("; ".join(dict.fromkeys(self.obstacles)) or self.nothing)


class Faults:
    """Faults of one run that do not hide one another: the first stands in front, the others are told behind it."""

    def __init__(self) -> None:
        self.found: list[Failed] = []

    @contextlib.contextmanager
    def collect(self) -> Iterator[None]:
        """A Failed inside is kept for `tell`; of those with one cause the first."""
        try:
            yield
        except Failed as fault:
            self.add(fault)

    def add(self, *faults: Failed) -> None:
        for fault in faults:
            if not fault.cause or fault.cause not in [other.cause for other in self.found]:
                self.found.append(fault)

    def tell(self) -> None:
        """Failed, with all that was collected; nothing where nothing was."""
        if not self.found:
            return
        first, *others = self.found
        told = [first.message, *(f"and (case {o.case} {o.dtype}): {o.cause or 'also'}: {o.message}" for o in others)]
        first.message = "; ".join(told)
        first.cause = "; ".join(dict.fromkeys(fault.cause for fault in self.found if fault.cause))
        raise first
