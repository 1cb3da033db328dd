"""What a check says: raised by checks, kept in results, summed up in a report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

SCHEMA = 1  # the version of the JSON; bench/battery/report.schema.json describes it

PASSED, FAILED = "passed", "failed"
EXPECTED, UNEXPECTED = "failed as expected", "passed unexpectedly"
NOT_DECLARED, NOT_APPLICABLE = "not declared", "not applicable"
STATUSES = (PASSED, FAILED, EXPECTED, UNEXPECTED, NOT_DECLARED, NOT_APPLICABLE)


class Failed(Exception):
    """A check found a fault.

    message         what is wrong, with step, tensor, element and values where there are any
    case, dtype     where it was found
    cause           the likely cause, where a lookup of the common conventions finds one
    reproduction    at most fifteen lines of Python that run without this project
    """

    def __init__(
        self, message: str, *, case: str = "", dtype: str = "", cause: str = "", reproduction: str = ""
    ) -> None:
        super().__init__(message)
        self.message, self.case, self.dtype, self.cause, self.reproduction = message, case, dtype, cause, reproduction


class NotApplicable(Exception):
    """This check has nothing to say about this optimizer; the message says why."""


class NotDeclared(Exception):
    """The author has not declared this ability; the message is how to declare it."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check's verdict on one optimizer."""

    check: str
    key: str
    status: str
    message: str = ""
    case: str = ""
    dtype: str = ""
    cause: str = ""
    reproduction: str = ""
    time_s: float = 0.0

    @property
    def bad(self) -> bool:
        return self.status in (FAILED, UNEXPECTED)

    def __str__(self) -> str:
        """The check and the likely cause first; then where; then the reproduction."""
        lines = [f"{self.check}: {self.status}" + (f": {self.cause}" if self.cause else "")]
        where = " ".join(part for part in (f"case {self.case}" if self.case else "", self.dtype) if part)
        if self.message:
            lines.append(f"{where}: {self.message}" if where else self.message)
        return "\n".join([*lines, *(["reproduction:", self.reproduction] if self.reproduction else [])])


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """The verdicts of one battery.

    subject, against    what was judged and what it was held against ("" where nothing)
    """

    subject: str
    against: str
    results: tuple[CheckResult, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in each status, all statuses named."""
        found = Counter(result.status for result in self.results)
        return {status: found[status] for status in STATUSES}

    @property
    def ran(self) -> int:
        """The checks that judged something."""
        return sum(r.status not in (NOT_DECLARED, NOT_APPLICABLE) for r in self.results)

    @property
    def passed(self) -> bool:
        """True when something was checked and nothing failed but what was expected to."""
        return self.ran > 0 and not any(result.bad for result in self.results)

    def to_frame(self) -> pandas.DataFrame:
        """One row a check, with subject and against."""
        import pandas

        return pandas.DataFrame([{"subject": self.subject, "against": self.against, **asdict(r)} for r in self.results])

    def to_json(self) -> str:
        """The report by the published schema."""
        body = {
            "schema": SCHEMA, "subject": self.subject, "against": self.against, "passed": self.passed, "ran": self.ran,
            "counts": self.counts, "environment": dict(self.environment), "results": [asdict(r) for r in self.results],
        }  # fmt: skip
        return json.dumps(body, indent=1)

    def summary(self) -> str:
        """`rmsprop: 18 ran, 17 passed, 1 failed, ...`, every status that occurred and those that always count."""
        always = (PASSED, FAILED, EXPECTED, NOT_DECLARED, NOT_APPLICABLE)
        counted = [f"{n} {status}" for status, n in self.counts.items() if n or status in always]
        return f"{self.subject}: {self.ran} checks ran: " + ", ".join(counted)
