"""What a check says: raised by checks, kept in results, summed up in a report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas

SCHEMA = 2  # the version of the JSON; bench/battery/report.schema.json describes it

PASSED, FAILED = "passed", "failed"
EXPECTED, UNEXPECTED = "failed as expected", "passed unexpectedly"
NOT_DECLARED, NOT_APPLICABLE = "not declared", "not applicable"
ERROR = "error"  # Twinstep itself failed: nothing is said of the optimizer
STATUSES = (PASSED, FAILED, EXPECTED, UNEXPECTED, NOT_DECLARED, NOT_APPLICABLE, ERROR)

BY_DESIGN = "has it by design"  # said where the reference has the same
RAISED = "it raised"  # how a cause begins that names an exception: it says what happened, and explains nothing


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


class ChecksFailed(AssertionError):
    """What `CheckReport.raise_for_failures` raises; its message is the printed report."""


class Headline(NamedTuple):
    """A likely mistake, and the failed checks that it was tried on and explains."""

    cause: str
    checks: tuple[str, ...]


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
        return self.status in (FAILED, UNEXPECTED, ERROR)

    @property
    def where(self) -> str:
        """The case and the format in which it was found, as far as they are known."""
        return " ".join(part for part in (f"case {self.case}" if self.case else "", self.dtype) if part)

    def __str__(self) -> str:
        """The check and the likely cause first; then where; then the reproduction."""
        lines = [f"{self.check}: {self.status}" + (f": {self.cause}" if self.cause else "")]
        if self.message:
            lines.append(f"{self.where}: {self.message}" if self.where else self.message)
        return "\n".join([*lines, *(["reproduction:", self.reproduction] if self.reproduction else [])])


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """The verdicts of one battery.

    subject, against    what was judged and what it was held against ("" where nothing)
    battery             the version of the set of checks, such as 0.2
    headlines           the likely mistakes, most explaining first: (cause, explained checks)
    """

    subject: str
    against: str
    results: tuple[CheckResult, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)
    battery: str = ""
    headlines: tuple[Headline, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in each status, all statuses named."""
        found = Counter(result.status for result in self.results)
        return {status: found[status] for status in STATUSES}

    @property
    def ran(self) -> int:
        """The checks that judged something."""
        return sum(r.status not in (NOT_DECLARED, NOT_APPLICABLE, ERROR) for r in self.results)

    @property
    def passed(self) -> bool:
        """True when something was checked and nothing failed but what was expected to, Twinstep itself included."""
        # A report of nothing but skips must not be green, as pytest's is.
        return self.ran > 0 and not any(result.bad for result in self.results)

    @property
    def errors(self) -> tuple[CheckResult, ...]:
        """The checks in which Twinstep itself failed."""
        return tuple(result for result in self.results if result.status == ERROR)

    def to_frame(self) -> pandas.DataFrame:
        """One row a check, with subject and against."""
        import pandas

        return pandas.DataFrame([{"subject": self.subject, "against": self.against, **asdict(r)} for r in self.results])

    def to_json(self) -> str:
        """The report by the published schema."""
        body = {
            "schema": SCHEMA, "subject": self.subject, "against": self.against, "battery": self.battery,
            "passed": self.passed, "ran": self.ran, "counts": self.counts, "environment": dict(self.environment),
            "headlines": [headline._asdict() for headline in self.headlines],
            "results": [asdict(r) for r in self.results],
        }  # fmt: skip
        return json.dumps(body, indent=1)

    def summary(self) -> str:
        """`rmsprop: 18 checks ran: 17 passed, 1 failed, ...`, every status that occurred and those that always count.

        Before it the likely mistakes, a line each.
        """
        from .explanation import text

        return "\n".join([*text.headlines(self), text.counts(self)])

    def raise_for_failures(self) -> None:
        """Raises ChecksFailed, an AssertionError, unless the report is a pass."""
        if not self.passed:
            raise ChecksFailed(str(self))

    def __str__(self) -> str:
        """The report as `twinstep check` prints it, without colours."""
        from .explanation import text

        return text.report(self)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from .explanation import text

        return text.html(self)
