"""The battery as pytest items, without a test file: `pytest --twinstep MODULE:CLASS`; and its verdict at the end.

pytest loads this in every run of everybody who has Twinstep installed, so it imports pytest alone until it is used.

An optimizer that calls os._exit, on import or in a check, fails that. One whose compiled code ends the process takes a
plain pytest with it, whatever its plugins do; `pytest -n 1` (pytest-xdist) and `twinstep check` tell of it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

# User properties of a report.
_SUBJECT, _AGAINST, _STATUS, _CAUSE = "twinstep.subject", "twinstep.against", "twinstep.status", "twinstep.cause"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("twinstep", "Twinstep: judge an optimizer")
    group.addoption("--twinstep", action="append", default=[], metavar="TARGET",
                    help="judge MODULE:CLASS, a scratch optimizer or a formula file; repeatable")  # fmt: skip
    group.addoption("--twinstep-against", metavar="TWIN",
                    help="MODULE:CLASS, a scratch optimizer, or a file that holds a formula")  # fmt: skip
    group.addoption("--twinstep-supports", metavar="A,B",
                    help="abilities to judge: sparse,complex,float16,bfloat16,tensor-lr,grad-scaler")  # fmt: skip
    group.addoption("--twinstep-declare", metavar="A,B",
                    help="what is so by design: coupled,group-state,stochastic,one-lr,one-group")  # fmt: skip
    group.addoption("--twinstep-shapes", metavar="AxB,C",
                    help="shapes of the parameters to judge with, such as 64x16,8x3x3x3,7")  # fmt: skip
    group.addoption("--twinstep-cases", metavar="FILE", help="hyperparameters to judge: TOML or JSON")
    group.addoption("--twinstep-expect", action="append", default=[], metavar="CHECK=[WHOSE:]REASON",
                    help="a check that is known to fail (strict), or a file of such pairs; repeatable")  # fmt: skip
    group.addoption("--twinstep-battery", metavar="VERSION", help="judge by the checks of this version, such as 0.2")
    group.addoption("--twinstep-quick", action="store_true", help="fewer cases, steps and dtypes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "twinstep: a check of --twinstep, so that -m twinstep runs these alone")
    options = ("against", "supports", "declare", "shapes", "cases", "expect", "battery", "quick")
    given = [f"--twinstep-{name}" for name in options if config.getoption(f"--twinstep-{name}")]
    if given and not config.getoption("--twinstep"):
        raise pytest.UsageError(f"{', '.join(given)} without --twinstep TARGET: nothing would be judged")
    if config.getoption("--twinstep"):
        config.pluginmanager.register(_Waiting(), "twinstep-waiting")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Verdicts(config), "twinstep-verdicts")


class _Waiting:
    """Says which check is waited for, after a minute without an answer; in whichever process runs it."""

    def __init__(self) -> None:
        from .battery.processes.hangs import standard_error

        # Now, while pytest does not capture: a test's stderr is shown once the test has ended, which this one does not.
        self.stack = contextlib.ExitStack()
        self.say = self.stack.enter_context(standard_error())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        from .battery.processes import hangs

        with hangs.told(hangs.DELAY_S, self.say, "judge it by the command: twinstep check TARGET "):
            return (yield)

    def pytest_unconfigure(self) -> None:
        self.stack.close()


@pytest.hookimpl(tryfirst=True)  # before -k, -m and --deselect choose
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    for target in dict.fromkeys(config.getoption("--twinstep")):
        battery = Battery.from_parent(session, name=target, nodeid=f"twinstep::{target}")
        items.extend(session.genitems(battery))


class Battery(pytest.Collector):
    """The checks of one optimizer; a request that cannot be met is an error of collection."""

    def collect(self) -> Iterator[pytest.Item]:
        from .battery.parametrize import optimizer_checks
        from .battery.request import BAD_REQUEST, Request, expectations, explain

        option = self.config.getoption
        supports, declare = (_names(option(f"--twinstep-{name}")) for name in ("supports", "declare"))
        request = Request(
            target=self.name, against=option("--twinstep-against"), cases=option("--twinstep-cases"),
            supports=supports, declare=declare or (), shapes=option("--twinstep-shapes"),
            quick=option("--twinstep-quick"),
        )  # fmt: skip
        try:
            expected = expectations(option("--twinstep-expect"))
            made = optimizer_checks(**request.arguments(), expected_failures=expected,
                                    battery=option("--twinstep-battery"))  # fmt: skip
        except BAD_REQUEST as error:
            raise self.CollectError(explain(error)) from None
        for check in made:
            yield CheckItem.from_parent(self, name=check.name, check=check)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


class CheckItem(pytest.Item):
    """One check of one optimizer."""

    def __init__(self, *, check: Any, **node: Any) -> None:
        super().__init__(**node)
        self.check = check
        self.add_marker("twinstep")

    def runtest(self) -> None:
        self.check()

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, self.nodeid


def _check_of(item: pytest.Item) -> Any:
    """The OptimizerCheck that an item runs, if any: nothing is one before the module that defines it is loaded."""
    loaded = sys.modules.get(f"{__package__}.battery.parametrize")
    if loaded is None:
        return None
    params = getattr(getattr(item, "callspec", None), "params", {})
    found = item.check if isinstance(item, CheckItem) else params.get(loaded.ARGUMENT)
    return found if isinstance(found, loaded.OptimizerCheck) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    check = _check_of(item)
    if check is None:
        return (yield)
    check.report = None
    try:
        returned = yield
    finally:
        if check.report is not None:
            (result,) = check.report.results
            item.user_properties += [
                (_SUBJECT, check.report.subject), (_AGAINST, check.report.against), (_STATUS, result.status),
                (_CAUSE, result.cause),
            ]  # fmt: skip
    if check.report is None:
        pytest.fail("the test never called its optimizer_check, so it checked nothing", pytrace=False)
    return returned


class _Verdicts:
    """Lives in the controller: gathers what the reports carry, says the verdict, and refuses a run without one."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        # (subject, against, test) -> node id -> status and cause
        self.found: dict[tuple[str, str, str], dict[str, tuple[str, str]]] = {}
        self.nothing = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.user_properties:
            return
        properties: dict[str, Any] = dict(report.user_properties)  # pairs, or lists of two from xdist
        if _STATUS in properties:
            # One optimizer may be judged by two tests of one session: each is a verdict of its own.
            test = report.nodeid.partition("[")[0] if "[" in report.nodeid else report.nodeid.rpartition("::")[0]
            statuses = self.found.setdefault((properties[_SUBJECT], properties[_AGAINST], test), {})
            statuses[report.nodeid] = properties[_STATUS], properties[_CAUSE]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        fine = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if not fine or self.config.getoption("collectonly") or not (self.found or self.config.getoption("--twinstep")):
            return
        idle = [report.subject for report in self._reports() if not report.ran]
        if idle or not self.found:
            self.nothing = f"twinstep: nothing was checked{': ' if idle else ''}{', '.join(idle)}"
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for report in self._reports():
            for line in report.summary().splitlines():
                terminalreporter.write_line(f"twinstep: {line}")
        if self.nothing:
            terminalreporter.write_line(self.nothing, red=True)

    def _reports(self) -> list[Any]:
        if not self.found:
            return []
        from .battery.explanation.headlines import own_causes
        from .battery.result import CheckReport, CheckResult

        reports = []
        for (subject, against, _), verdicts in self.found.items():
            results = [CheckResult(check=n, key="", status=s, cause=c) for n, (s, c) in verdicts.items()]
            # Each check was judged in a test of its own, so that no remedy was tried: by what they name themselves.
            made = CheckReport(
                subject=subject, against=against, results=tuple(results), headlines=own_causes(results)
            )  # fmt: skip
            reports.append(made)
        return reports
