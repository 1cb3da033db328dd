"""What the base has and the head must have: benchmarks, tests."""

from __future__ import annotations

from collections.abc import Iterable

from ...records import manifest
from ...records.tables import TableError
from .. import subjects
from ..config import Plan
from ..outcome import Fault, Outcome


def vanished_benchmarks(plan: Plan) -> Iterable[Fault]:
    for target in plan.settings.benchmarks:
        own = target.partition(":")[0].partition(".")[0] in plan.settings.packages
        if not subjects.has_benchmark(plan.head.root / plan.settings.source if own else plan.head.root, target):
            yield Fault(name=target, kind="vanished", text="the base has this benchmark and the head does not")


def vanished_tests(plan: Plan, outcome: Outcome) -> list[Fault]:
    """Tests or benchmarks that the base's manifest names and the head does not have; none where it has no manifest."""
    if not (plan.base.root / manifest.FILE).is_file():
        return []
    expected = manifest.read(plan.base.root)
    try:
        found = manifest.collect(plan.head.root)
    except TableError as error:
        lines = str(error).splitlines()
        return [Fault(name="tests", kind="broken", text="\n".join([lines[0], *lines[1:][-12:]]))]
    outcome.expected_tests, outcome.found_tests = manifest.total(expected), manifest.total(found)
    vanished, _ = manifest.compare(expected, found)
    if not vanished:
        return []
    first = f"{len(vanished)} tests or benchmarks of the base's manifest are not in the head"
    # A file that cannot be collected loses hundreds at once: a report of all of them would hide every other fault.
    lines = [first, *vanished[:50], *["..."] * (len(vanished) > 50)]
    return [Fault(name="tests", kind="vanished", text="\n".join(lines))]
