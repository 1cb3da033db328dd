"""The Python door to the battery: `check_optimizer(cls, against=...)` judges any optimizer class or factory."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from ...reference.known_defects import expected_failures as torch_defects
from ...scratch_impls import Case, UnknownName, nearest
from ..records.rows import environment
from . import global_state
from .checks import CHECKS, in_battery
from .checks.runs import alike
from .checks.target.is_an_optimizer import FIRST
from .context import Check, Context, context_for, judged_as
from .explanation import causes, headlines, remedies
from .explanation.whose import Whose, our_traceback, their_traceback, whose
from .guard import ProcessEnded, no_exit
from .processes import hangs
from .request import battery_named, names_of, with_owner
from .result import (
    ERROR,
    EXPECTED,
    FAILED,
    NOT_APPLICABLE,
    NOT_DECLARED,
    PASSED,
    RAISED,
    UNEXPECTED,
    CheckReport,
    CheckResult,
    Failed,
    NotApplicable,
    NotDeclared,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What a report says of a battery beside its verdicts: labels, and the defects that are known of the subject."""

    subject: str
    against: str
    known: Mapping[str, str]


def check_optimizer(
    target: Any,
    against: Any = None,
    *,
    cases: Sequence[Case] | None = None,
    checks: Iterable[str] | None = None,
    dtypes: Sequence[str] = ("float32", "float64"),
    supports: Iterable[str] | None = None,
    declare: Iterable[str] | None = None,
    shapes: Iterable[Sequence[int]] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    quick: bool = False,
    device: str = "cpu",
    seed: int = 0,
    label: str | None = None,
    battery: str | None = None,
    on_result: Callable[[CheckResult], Any] | None = None,
) -> CheckReport:
    """Judge an optimizer by every check that applies to it.

    target              an optimizer class, or a function (params, **hyper) -> optimizer, or a formula: a scratch
                        optimizer's name, a Spec, or a path to a formula file
    against             a class or factory, a scratch optimizer's name, a Spec, or a path to a formula file. None: a
                        class of torch.optim is held against our formula, a scratch one against its twin, any other
                        against nothing
    cases               hyperparameters to judge; unless given, derived from the signature shared with the reference
    checks              names of checks; all unless given
    supports            abilities of SUPPORTS that are declared; None: all for a class of torch.optim, else none
    declare             what is so by design, of DECLARATIONS: docs/checks.md says what each turns off and on
    shapes              those of the parameters to judge with; each check's own unless given
    expected_failures   check -> reason, or upstream:reason (ours, never: whose it is); strict: such a check that passes
                        is a failure. None: the known defects of torch
    battery             the version whose checks are judged, such as "0.2": later ones add some. None: the newest

    Raises UnknownName for a check, a battery or an ability that does not exist, SpecError for a formula file that lacks
    something, TypeError for a target that cannot be called and for text where a list is wanted, ValueError for cases
    that do not fit.
    """
    context = context_for(
        target,
        against,
        cases=cases,
        dtypes=dtypes,
        supports=supports,
        declare=declare,
        shapes=shapes,
        quick=quick,
        device=device,
        seed=seed,
        label=label,
    )
    return judge(
        context, checks=checks, expected_failures=expected_failures, version=battery, on_result=on_result
    )  # fmt: skip


def judge(context: Context, **choice: Any) -> CheckReport:
    """The report of the chosen checks, each in this process; the choice is as for `report_of`."""
    asked = dataclasses.replace(context, battery=battery_named(choice.get("version")))
    return report_of(facts_of(context), functools.partial(run_with_remedy, asked), **choice)


def facts_of(context: Context) -> Facts:
    against = context.against.label if context.against else ""
    known = torch_defects(context.subject.make, context.dtypes)
    return Facts(subject=context.subject.label, against=against, known=known)


def report_of(
    facts: Facts,
    run: Callable[[Check, str], CheckResult | None],
    *,
    checks: Iterable[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    version: str | None = None,
    on_result: Callable[[CheckResult], Any] | None = None,
) -> CheckReport:
    """The report of the chosen checks, each executed by `run`, wherever that happens.

    run         check, cause -> its verdict; with a cause: what the verdict is where that is none, None if nobody knows
    """
    version = battery_named(version)
    chosen, expected = chosen_checks(checks, version), dict(facts.known)
    if expected_failures is not None:
        expected = {name: with_owner(reason) for name, reason in expected_failures.items()}
    # Strict in names too: an expectation of a check that was renamed would excuse nothing, and nobody would see it.
    for name in expected:
        if name not in CHECKS:
            raise UnknownName(f"no check {name!r} that could be expected to fail: {nearest(name, list(CHECKS))}")
    results: list[CheckResult] = []
    for result in _results(chosen, run):
        results.append(_expect(result, expected))
        if on_result is not None:
            on_result(results[-1])
    return CheckReport(
        subject=facts.subject, against=facts.against, results=tuple(results), environment=environment(),
        battery=version, headlines=headlines.of(results, lambda name, cause: run(CHECKS[name], cause)),
    )  # fmt: skip


def _results(chosen: list[Check], run: Callable[[Check, str], CheckResult | None]) -> Iterator[CheckResult]:
    """The verdicts as they come; of what is no optimizer that alone is said, chosen or not."""
    first = _verdict_of(run(CHECKS[FIRST], ""))
    if first.status in (FAILED, ERROR) or CHECKS[FIRST] in chosen:
        yield first
    for check in chosen:
        if check.name == FIRST:
            continue
        if first.status in (FAILED, ERROR):
            message = f"it could not be constructed (see {FIRST})"
            yield CheckResult(check=check.name, key=check.key, status=NOT_APPLICABLE, message=message)
        else:
            yield _verdict_of(run(check, ""))


def _verdict_of(result: CheckResult | None) -> CheckResult:
    assert result is not None, "only of a remedy may there be none"
    return result


def chosen_checks(names: Iterable[str] | None, version: str) -> list[Check]:
    """The named checks, or all, in the order of the report. UnknownName for one that this battery does not have."""
    there = in_battery(version)
    if names is None:
        return list(there.values())
    wanted = names_of("checks", names, CHECKS)
    for name in wanted:
        if name not in there:
            raise UnknownName(f"the battery {version} has no check {name!r}, which is there since {CHECKS[name].since}")
    return [check for name, check in CHECKS.items() if name in wanted]


def _expect(result: CheckResult, expected: Mapping[str, str]) -> CheckResult:
    if result.check not in expected:
        return result
    reason = expected[result.check]
    # Not of an ERROR: where Twinstep itself failed, nothing is known to be as expected.
    if result.status == FAILED:
        return _with(result, status=EXPECTED, message=f"{reason} ({result.message})")
    if result.status == PASSED:
        return _with(result, status=UNEXPECTED, message=f"it was expected to fail: {reason}")
    return result


def _with(result: CheckResult, **fields: Any) -> CheckResult:
    return dataclasses.replace(result, **fields)


def run_with_remedy(context: Context, check: Check, cause: str = "") -> CheckResult | None:
    """`run_check`; with a cause in circumstances in which that is none, None where nobody knows such."""
    if not cause:
        return run_check(check, context)
    try:
        other = remedies.remedied(context, cause)
    except Exception:  # of a formula somebody wrote, which does not take the variant's values
        return None
    return None if other is None else run_check(check, other)


def run_check(check: Check, context: Context) -> CheckResult:
    """One check in this process: whatever it raises becomes its verdict, and global state is put back after it."""
    start = time.perf_counter()
    with hangs.running(check.name), _process_restored(context.threads), no_exit():
        settled = context.settled
        with judged_as(settled) as notes, alike(settled):
            verdict = _verdict(check, settled)
    if verdict["status"] == PASSED and notes:
        verdict["message"] = "; ".join(notes)
    return CheckResult(check=check.name, key=check.key, time_s=time.perf_counter() - start, **verdict)


def _verdict(check: Check, context: Context) -> dict[str, Any]:
    """Runs the check; the one place where what it raised becomes a status, so that no two outcomes mix."""
    try:
        check.function(context)
    except NotApplicable as reason:
        return {"status": NOT_APPLICABLE, "message": str(reason)}
    except NotDeclared as reason:
        return {"status": NOT_DECLARED, "message": str(reason)}
    except Failed as fault:
        return _failure(causes.explained(check, context, fault))
    # Before SystemExit, which it is too.
    except ProcessEnded as error:
        return {"status": FAILED, "cause": "it ends the process", "message": their_traceback(error)}
    except SystemExit as error:  # a step that exits must not end the battery as if all were well
        return _failure(_raised(error))
    except Exception as error:
        return _of_error(check, context, error)
    return {"status": PASSED}


def _of_error(check: Check, context: Context, error: Exception) -> dict[str, Any]:
    """Whose fault an error is decides what it says: a failure, nothing about the optimizer, or that we failed."""
    fault_of = whose(error, context)
    if fault_of is Whose.SUBJECT:
        return _failure(causes.explained(check, context, _raised(error)))
    if fault_of is Whose.REFERENCE and context.against is not None:
        raised = f"{context.against.label}, which it is held against, raised {type(error).__name__}: {error}"
        return {"status": NOT_APPLICABLE, "message": raised}
    return {"status": ERROR, "message": our_traceback(error)}


def _raised(error: BaseException) -> Failed:
    return Failed(their_traceback(error), cause=f"{RAISED} {type(error).__name__}")


def _failure(fault: Failed) -> dict[str, Any]:
    return {
        "status": FAILED, "message": fault.message, "case": fault.case, "dtype": fault.dtype, "cause": fault.cause,
        "reproduction": fault.reproduction,
    }  # fmt: skip


@contextlib.contextmanager
def _process_restored(threads: int) -> Iterator[None]:
    """Undoes what a subject changed globally, and swallows what it printed: global-state alone reports that."""
    before, filters = global_state.read(), list(warnings.filters)
    torch.set_num_threads(threads)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        global_state.put_back(before)
        if list(warnings.filters) != filters:  # not catch_warnings: every check would give each warning anew
            warnings.resetwarnings()
            warnings.filters[:] = filters  # type: ignore[index]
