"""The Python door to the battery: `check_optimizer(cls, against=...)` judges any optimizer class or factory."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from ...reference.known_defects import expected_failures as torch_defects
from ...scratch_impls import Case, UnknownName, nearest
from ..records.rows import environment
from . import global_state
from .checks import CHECKS, float32_only
from .checks.runs import alike
from .checks.target.is_an_optimizer import FIRST
from .child import BENCH
from .context import Check, Context, context_for, judged_as
from .guard import ProcessEnded, no_exit
from .request import names_of
from .result import (
    EXPECTED,
    FAILED,
    NOT_APPLICABLE,
    NOT_DECLARED,
    PASSED,
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
    declare             what is so by design, of DECLARATIONS: docs/declarations.md says what each turns off and on
    shapes              those of the parameters to judge with; each check's own unless given
    expected_failures   check -> reason; strict: such a check that passes is a failure. None: the known defects of torch

    Raises UnknownName for a check or an ability that does not exist, SpecError for a formula file that lacks something,
    TypeError for a target that cannot be called and for text where a list is wanted, ValueError for cases that do not
    fit.
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
    return judge(context, checks=checks, expected_failures=expected_failures, on_result=on_result)


def judge(
    context: Context,
    *,
    checks: Iterable[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    on_result: Callable[[CheckResult], Any] | None = None,
) -> CheckReport:
    """The report of the chosen checks, each in this process."""
    run = functools.partial(run_check, context=context)
    return battery(facts_of(context), run, checks=checks, expected_failures=expected_failures, on_result=on_result)


def facts_of(context: Context) -> Facts:
    against = context.against.label if context.against else ""
    known = torch_defects(context.subject.make, context.dtypes)
    return Facts(subject=context.subject.label, against=against, known=known)


def battery(
    facts: Facts,
    run: Callable[[Check], CheckResult],
    *,
    checks: Iterable[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    on_result: Callable[[CheckResult], Any] | None = None,
) -> CheckReport:
    """The report of the chosen checks, each executed by `run`, wherever that happens."""
    chosen, expected = _chosen(checks), dict(facts.known if expected_failures is None else expected_failures)
    for name in expected:
        if name not in CHECKS:
            raise UnknownName(f"no check {name!r} that could be expected to fail: {nearest(name, list(CHECKS))}")
    results = []
    for result in _results(chosen, run):
        results.append(_expect(result, expected))
        if on_result is not None:
            on_result(results[-1])
    return CheckReport(subject=facts.subject, against=facts.against, results=tuple(results), environment=environment())


def _results(chosen: list[Check], run: Callable[[Check], CheckResult]) -> Iterator[CheckResult]:
    """The verdicts as they come; of what is no optimizer that alone is said, chosen or not."""
    first = run(CHECKS[FIRST])
    if first.status == FAILED or CHECKS[FIRST] in chosen:
        yield first
    for check in chosen:
        if check.name == FIRST:
            continue
        if first.status == FAILED:
            message = f"it could not be constructed (see {FIRST})"
            yield CheckResult(check=check.name, key=check.key, status=NOT_APPLICABLE, message=message)
        else:
            yield run(check)


def _chosen(names: Iterable[str] | None) -> list[Check]:
    if names is None:
        return list(CHECKS.values())
    wanted = names_of("checks", names, CHECKS)
    return [check for name, check in CHECKS.items() if name in wanted]


def _expect(result: CheckResult, expected: Mapping[str, str]) -> CheckResult:
    if result.check not in expected:
        return result
    reason = expected[result.check]
    if result.status == FAILED:
        return _with(result, status=EXPECTED, message=f"{reason} ({result.message})")
    if result.status == PASSED:
        return _with(result, status=UNEXPECTED, message=f"it was expected to fail: {reason}")
    return result


def _with(result: CheckResult, **fields: Any) -> CheckResult:
    return dataclasses.replace(result, **fields)


def run_check(check: Check, context: Context) -> CheckResult:
    """One check in this process: whatever it raises becomes its verdict, and global state is put back after it."""
    start = time.perf_counter()
    with _process_restored(), no_exit(), judged_as(context.settled) as notes, alike(context.settled):
        verdict = _verdict(check, context.settled)
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
        return _failure(_explained(check, context, fault))
    except ProcessEnded as error:
        return {"status": FAILED, "cause": "it ends the process", "message": their_traceback(error)}
    except SystemExit as error:  # a step that exits must not end the battery as if all were well
        return _failure(_raised(error))
    except Exception as error:
        return _failure(_explained(check, context, _raised(error)))
    return {"status": PASSED}


def _raised(error: BaseException) -> Failed:
    return Failed(their_traceback(error), cause=f"it raised {type(error).__name__}")


def _explained(check: Check, context: Context, fault: Failed) -> Failed:
    """The fault; where float64 alone fails and nobody knows why, that is said."""
    if cause := float32_only.likely_cause(check, context, fault):
        fault.cause, fault.message = cause, f"{fault.message}; {float32_only.ADVICE}"
    return fault


def _failure(fault: Failed) -> dict[str, Any]:
    return {
        "status": FAILED, "message": fault.message, "case": fault.case, "dtype": fault.dtype, "cause": fault.cause,
        "reproduction": fault.reproduction,
    }  # fmt: skip


@contextlib.contextmanager
def _process_restored() -> Iterator[None]:
    """What a subject changes globally, or prints, is for the check of that to report; no other check sees it."""
    before, filters = global_state.read(), list(warnings.filters)
    torch.set_num_threads(1)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        global_state.put_back(before)
        if list(warnings.filters) != filters:  # not catch_warnings: every check would give each warning anew
            warnings.resetwarnings()
            warnings.filters[:] = filters  # type: ignore[index]


def their_traceback(error: BaseException) -> str:
    """The traceback below our own frames: where their code raised. The error alone where it is not theirs."""
    ours = str(BENCH)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((ours, "<frozen"))]
    theirs = "".join(traceback.format_list(frames[-3:]))
    return f"{theirs}{type(error).__name__}: {error}".rstrip()
