"""`twinstep check`: the command door to the battery."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from ..battery.request import (
    BAD_REQUEST,
    DTYPES,
    LARGEST_SEED,
    Request,
    battery_named,
    expectations,
    explain,
    names_of,
)
from ..report.terminal import console
from ._terminal import BadInput, Plain, name_list

if TYPE_CHECKING:
    from ..battery.result import CheckReport, CheckResult

STYLES = {"failed": "bold red", "passed unexpectedly": "bold red", "error": "bold red", "failed as expected": "yellow"}


@click.command()
@click.argument("target", metavar="TARGET")
@click.option("--against", metavar="TWIN", help="MODULE:CLASS, a scratch optimizer, or a file that holds a formula.")
@click.option("--cases", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="Hyperparameters to judge, each with name and reason: TOML or JSON.")  # fmt: skip
@click.option("--checks", callback=name_list, metavar="A,B", help="Only these checks.")
@click.option("--dtype", callback=name_list, metavar="A,B", help="Of float32,float64; both unless given.")
@click.option("--supports", callback=name_list, metavar="A,B",
              help="Abilities to judge: sparse,complex,float16,bfloat16,tensor-lr,grad-scaler.")  # fmt: skip
@click.option("--declare", callback=name_list, metavar="A,B",
              help="What is so by design: coupled,group-state,stochastic,one-lr,one-group.")  # fmt: skip
@click.option("--shapes", metavar="AxB,C", help="Shapes of the parameters to judge with, such as 64x16,8x3x3x3,7.")
@click.option("--expect", multiple=True, metavar="CHECK=[WHOSE:]REASON",
              help="A check that is known to fail (strict: it may not pass), or a file of such pairs; whose it is: "
              "upstream, ours or never.")  # fmt: skip
@click.option("--device", default="cpu", show_default=True, help="Where the tensors live, such as cuda.")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), default=0, show_default=True)
@click.option("--quick", is_flag=True, help="Fewer cases, steps and dtypes.")
@click.option("--isolate", is_flag=True, help="Each check in a process of its own: survives a crash and a hang.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S",
              help="Seconds that an isolated check may take.  [default: 60]")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The report, by the published schema.")  # fmt: skip
@click.option("--battery", metavar="VERSION", help="Judge by the checks of this version, such as 0.2.")
@click.option("--verbose", is_flag=True, help="Every check with what it says, and every reproduction.")
def check(
    target: str, against: str | None, cases: Path | None, checks: tuple[str, ...] | None, dtype: tuple[str, ...] | None,
    supports: tuple[str, ...] | None, declare: tuple[str, ...] | None, shapes: str | None, expect: tuple[str, ...],
    device: str, seed: int, quick: bool, isolate: bool, timeout: float | None, json_file: Path | None,
    battery: str | None, verbose: bool,
) -> None:  # fmt: skip
    """Judge the optimizer TARGET: MODULE:CLASS, a function that makes one, a scratch optimizer or a formula file.

    Exit: 0 passed, 1 failed, 2 wrong input, 4 nothing was checked, 5 Twinstep itself failed in a check and none failed.
    """
    # click's FloatRange lets nan and inf pass.
    if timeout is not None and not math.isfinite(timeout):
        raise click.UsageError(f"--timeout {timeout}: how many seconds?")
    if timeout is not None and not isolate:
        raise click.UsageError("--timeout needs --isolate: a check in this process cannot be stopped")
    if json_file is not None and not json_file.parent.is_dir():  # now, not after the last check
        raise click.UsageError(f"--json {json_file}: there is no folder {json_file.parent}")
    request = Request(
        target=target, against=against, cases=str(cases) if cases else None, dtypes=dtype or DTYPES, supports=supports,
        declare=declare or (), shapes=shapes, quick=quick, device=device, seed=seed,
    )  # fmt: skip
    results: list[CheckResult] = []
    try:
        report = judge(request, checks, expect, timeout or 60.0 if isolate else None, results, battery)
    except BAD_REQUEST as error:
        raise BadInput(explain(error)) from error
    except KeyboardInterrupt:
        click.echo(f"interrupted: {_finished(results)}; no report is written", err=True)
        raise click.exceptions.Exit(130) from None
    # Before the file is written: a disk that is full must not cost the verdict.
    show(report, console(), verbose=verbose)
    if json_file is not None:
        from ..records.tables import TableError, replace_file

        try:
            replace_file(json_file, lambda: (report.to_json() + "\n").encode())
        except TableError as error:
            raise BadInput(f"--json {json_file}: {error}") from error
    if status := _status_of(report):
        raise click.exceptions.Exit(status)


def judge(
    request: Request,
    checks: tuple[str, ...] | None,
    expect: tuple[str, ...],
    timeout_s: float | None,
    results: list[CheckResult],
    battery: str | None = None,
) -> CheckReport:
    """The battery over one request; each check isolated where there is a time limit. Raises one of BAD_REQUEST.

    results     receives each verdict when it is there
    """
    battery_named(battery)  # now, not after the import of torch
    expected = expectations(expect)
    total = _check_names(request, checks, expected)
    options: dict[str, Any] = {
        "checks": checks, "expected_failures": expected, "on_result": _progress(results, total)
    }  # fmt: skip
    # In this process unless a time limit asks for others: no start of torch for each of fifty checks.
    if timeout_s is None:
        arguments = request.arguments()
        from ..battery.judge import check_optimizer
        from ..battery.processes.hangs import told

        with told():
            return check_optimizer(**arguments, **options, battery=battery)
    from ..battery.isolate import Isolated
    from ..battery.judge import report_of

    with Isolated(request, timeout_s, battery) as run:
        return report_of(run.facts(), run, **options, version=battery)


def _check_names(request: Request, checks: tuple[str, ...] | None, expected: dict[str, str] | None) -> int:
    """How many checks were asked for. One of BAD_REQUEST for a name that does not exist: before torch is loaded."""
    from ..battery.checks import names

    request.check_names()
    names_of("--expect", expected, names())
    return len(names_of("--checks", checks, names()) or names())


def _finished(results: list[CheckResult]) -> str:
    failed = [result.check for result in results if result.bad]
    return f"{len(results)} checks were finished, failed: {', '.join(failed) or 'none'}"


def _progress(results: list[CheckResult], total: int) -> Callable[[CheckResult], None]:
    """Keeps each verdict; a line for each on a terminal, one in ten seconds elsewhere."""
    errors = Console(stderr=True, highlight=False, emoji=False)
    plain = Plain(total)

    def show_progress(result: CheckResult) -> None:
        results.append(result)
        if errors.is_terminal:
            errors.print(f"{result.check:28} {result.status} ({result.time_s:.1f} s)", style=STYLES.get(result.status))
        else:
            plain.finished(f"{result.check} {result.status}")

    return show_progress


def show(report: CheckReport, out: Console, *, verbose: bool = False) -> None:
    """The report's own text; on a terminal what is wrong stands out, and a line ends where the screen does."""
    from ..battery.explanation import text

    for line in text.report(report, verbose=verbose).splitlines():
        words = (status for status in STYLES if f": {status}" in line or ": explains " in line)
        out.print(line, style=STYLES.get(next(words, ""), ""), markup=False, soft_wrap=True)


def _status_of(report: CheckReport) -> int:
    """The exit code. A failure of the optimizer stands, whatever else went wrong; an error of ours is no pass."""
    if any(result.bad for result in report.results if result not in report.errors):
        return 1
    return 5 if report.errors else 0 if report.ran else 4
