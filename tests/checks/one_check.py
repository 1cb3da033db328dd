"""One check over one optimizer: its verdict as in a report, or what the check itself raises where cases are chosen."""

from __future__ import annotations

from typing import Any

import pytest

from twinstep.bench.adapter import as_optimizer
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.context import Against, Context, context_for, subject_of
from twinstep.bench.battery.judge import run_check
from twinstep.bench.battery.result import CheckResult, Failed
from twinstep.scratch_impls import load
from twinstep.scratch_impls.spec import case

HYPER = (case("momentum", "the only one", lr=0.1, momentum=0.9),)
ALONE: dict[str, Any] = {"cases": HYPER, "against": False}  # one case, and nothing to hold it against


def verdict(make: Any, check: str, against: Any = None, **circumstances: Any) -> CheckResult:
    """The check's result; circumstances are those of `check_optimizer`, whose expected failures it leaves out."""
    return run_check(CHECKS[check], context_for(make, against, **circumstances))


def context(make: Any, against: Any = None, cases: Any = None, spec: Any = None, **rest: Any) -> Context:
    """A quick battery, against our momentum by default (False: nothing), with all its cases that torch has too."""
    spec = load("momentum") if spec is None else spec
    chosen = cases or tuple(c for c in spec.cases if c.reference == "torch")
    held = Against(label=spec.name, make=as_optimizer(spec), spec=spec) if against is None else against
    return Context(subject=subject_of(make, "subject"), against=held or None, cases=chosen, quick=True, **rest)


def run(check: str, make: Any, *args: Any, **kwargs: Any) -> None:
    """Runs the check; raises Failed, NotApplicable or NotDeclared as it does. The arguments are those of `context`."""
    CHECKS[check].function(context(make, *args, **kwargs))


def caught(check: str, says: str, make: Any, *args: Any, **kwargs: Any) -> None:
    """The check fails, with a message that matches `says`. The other arguments are those of `context`."""
    with pytest.raises(Failed, match=says):
        run(check, make, *args, **kwargs)


def supports(*abilities: str) -> dict[str, Any]:
    """For `context`: the abilities that the author declares."""
    return {"supports": frozenset(abilities)}
