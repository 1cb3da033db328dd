"""The battery in the author's own tests: one test a check.

    @parametrize_with_checks(MyAdam, against=torch.optim.Adam, expected_failures={"closure": "reason, link"})
    def test_my_adam(optimizer_check):
        optimizer_check()

The id of such a test is `test_my_adam[MyAdam-closure]`.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ...scratch_impls import Case, Spec, UnknownName, nearest
from .checks import CHECKS
from .context import SUPPORTS, context_for
from .design.declarations import DECLARATIONS
from .explanation.text import result_in_words
from .judge import chosen_checks, judge
from .request import DTYPES, battery_named, names_of
from .result import EXPECTED, NOT_APPLICABLE, NOT_DECLARED, CheckReport

ARGUMENT = "optimizer_check"  # what the test function receives; the plugin looks for it


class OptimizerCheck:
    """One check of one optimizer, as a test calls it: it returns, fails, skips or fails as expected.

    judge   the battery of that optimizer, with everything but the check
    report  the verdict of the last call
    """

    def __init__(self, name: str, judge: Callable[..., CheckReport]) -> None:
        self.name, self.judge = name, judge
        self.report: CheckReport | None = None

    def __call__(self) -> None:
        __tracebackhide__ = True
        with warnings.catch_warnings():
            # Every door gives the same verdict: where a project turns warnings into errors, they would be failures.
            warnings.simplefilter("default")
            report = self.judge(checks=[self.name])
        # Where it could not be constructed, the check of that fails beside every other: it is a test of its own.
        (result,) = [result for result in report.results if result.check == self.name]
        self.report = dataclasses.replace(report, results=(result,))
        if result.status in (NOT_APPLICABLE, NOT_DECLARED):
            pytest.skip(f"{result.check}: {result.status}: {result.message}")
        if result.status == EXPECTED:
            pytest.xfail(result.message)  # returns under --runxfail: then it is a failure like any other
        if result.bad or result.status == EXPECTED:
            pytest.fail(result_in_words(result), pytrace=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"


def optimizer_checks(
    checks: Iterable[str] | None = None, expected_failures: Mapping[str, str] | None = None,
    battery: str | None = None, **arguments: Any,
) -> list[OptimizerCheck]:  # fmt: skip
    """One OptimizerCheck for each check, in the order of the report; arguments and errors as for `check_optimizer`."""
    version = battery_named(battery)
    chosen = chosen_checks(checks, version)
    for name in expected_failures or ():
        if name not in CHECKS:
            raise UnknownName(f"no check {name!r}: {nearest(name, list(CHECKS))}")
    context = context_for(**arguments)  # bad arguments are one error of collection, not one a test
    judge_it = functools.partial(judge, context, expected_failures=expected_failures, version=version)
    return [OptimizerCheck(check.name, judge_it) for check in chosen]


def parametrize_with_checks(
    optimizers: Any,
    against: Any = None,
    *,
    cases: Sequence[Case] | None = None,
    checks: Iterable[str] | None = None,
    dtypes: Sequence[str] = ("float32", "float64"),
    supports: Iterable[str] | None = None,
    declare: Iterable[str] | None = None,
    shapes: Iterable[Sequence[int]] | None = None,
    expected_failures: Mapping[str, str] | Callable[[Any], Mapping[str, str] | None] | None = None,
    quick: bool = False,
    device: str = "cpu",
    seed: int = 0,
    battery: str | None = None,
) -> pytest.MarkDecorator:
    """Runs a test function `test(optimizer_check)` once for each check of each optimizer.

    optimizers          a class, a function that makes one, a formula (a scratch optimizer's name, a Spec, a path), or
                        a list of these
    expected_failures   check -> reason, strict; or a function that gives it for each optimizer
    Everything else is as for `check_optimizer`. The ids are `MyAdam-none-gradients`.
    """
    subjects = list(optimizers) if isinstance(optimizers, (list, tuple)) else [optimizers]
    if not subjects:
        raise ValueError("parametrize_with_checks: the list of optimizers is empty, so nothing would be checked")
    chosen = None if checks is None else list(names_of("checks", checks, CHECKS))
    if chosen is not None and not chosen:
        raise ValueError("parametrize_with_checks: the list of checks is empty, so nothing would be checked")
    declared = None if supports is None else names_of("supports", supports, SUPPORTS)
    by_design = names_of("declare", declare, DECLARATIONS)
    sizes = None if shapes is None else list(shapes)
    dtypes = names_of("dtypes", dtypes, DTYPES)
    params = []
    for subject in subjects:
        expected = expected_failures(subject) if callable(expected_failures) else expected_failures
        made = optimizer_checks(
            chosen, target=subject, against=against, cases=cases, dtypes=dtypes, supports=declared,
            declare=by_design, shapes=sizes, expected_failures=expected, quick=quick, device=device, seed=seed,
            battery=battery,
        )  # fmt: skip
        params += [pytest.param(one, id=f"{_name(subject)}-{one.name}") for one in made]
    return pytest.mark.parametrize(ARGUMENT, params)


def _name(subject: Any) -> str:
    if isinstance(subject, functools.partial):
        return f"{_name(subject.func)}({', '.join(f'{k}={v}' for k, v in subject.keywords.items())})"
    if isinstance(subject, (str, Path, Spec)):
        return subject.name if isinstance(subject, Spec) else str(subject)
    return getattr(subject, "__qualname__", type(subject).__name__)
