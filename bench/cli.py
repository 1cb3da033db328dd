"""The command line. Functions elsewhere decide; this file prints and exits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .. import scratch_impls

if TYPE_CHECKING:
    from .job import Outcome

WIDTH_OFF_TERMINAL = 140  # a log or a pipe has no width of its own, and 80 columns would cut the numbers


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_OFF_TERMINAL, highlight=False)


class _BadInput(click.ClickException):
    exit_code = 2


@contextmanager
def _bad_input() -> Iterator[None]:
    """What the user gave wrongly becomes one line and exit code 2; everything else is our own fault and traces back."""
    from .airfoil import DataError
    from .rows import RowError
    from .tables import TableError
    from .targets import TargetError

    try:
        yield
    except (DataError, RowError, TableError, TargetError, scratch_impls.SpecError, scratch_impls.UnknownName) as error:
        raise _BadInput(str(error)) from error


def _chosen(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """A comma-separated list of names; None where the option was not given."""
    if value is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not names:
        raise click.BadParameter("it names nothing; leave the option out to take all")
    return names


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="twinstep", message="%(version)s")
def cli() -> None:
    """Optimizers step by step beside their torch.optim twins: agreement, losses, time."""


data_option = click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="The airfoil self-noise file, or the folder that has it."
)


@cli.command()
@click.option("--optimizers", callback=_chosen, metavar="A,B", help="Only these; see `twinstep list`.")
@click.option("--problems", callback=_chosen, metavar="P,Q", help="Only these; see `twinstep list`.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="How many, from seed 0.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float64", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("results/last"), show_default=True,
              help="Where tables, journal and pictures go.")  # fmt: skip
@data_option
@click.option("--formula", type=click.Path(path_type=Path), metavar="FILE", help="A formula file, instead of ours.")
@click.option("--against", metavar="MODULE:CLASS", help="The class to hold it against, instead of its torch twin.")
def run(
    optimizers: tuple[str, ...] | None, problems: tuple[str, ...] | None, seeds: int, dtype: str, out: Path,
    data: Path | None, formula: Path | None, against: str | None,
) -> None:  # fmt: skip
    """The main job: optimizers and their twins over all problems; tables and pictures."""
    if formula and optimizers:
        raise click.UsageError("--formula brings its own optimizer; leave out --optimizers")
    with _bad_input():
        from . import problems as registry
        from .job import Job
        from .job import run as run_job
        from .plots import draw
        from .targets import resolve

        specs = (
            (scratch_impls.load_file(formula),)
            if formula
            else tuple(scratch_impls.load(name) for name in optimizers or scratch_impls.names())
        )
        job = Job(
            specs=specs,
            problems=tuple(registry.load(name) for name in problems or registry.names()),
            seeds=seeds,
            dtype=dtype,
            out=out,
            data=data,
            against=(against, resolve(against)) if against else None,
        )
        with _progress(total=len(list(job.cells()))) as report:
            outcome = run_job(job, report)
        pictures = draw(outcome.lines, out)
    _print_summary(outcome, pictures)
    if not outcome.lines:
        raise click.exceptions.Exit(4)
    if any(line.gap.gap_bounds > 1 for line in outcome.lines):
        raise click.exceptions.Exit(1)


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        started = False

        def report(text: str) -> None:
            nonlocal started
            bar.update(task, description=text, advance=1 if started else 0)
            started = True

        yield report


def _print_summary(outcome: Outcome, pictures: list[Path]) -> None:
    console = _console()
    twins = ", ".join(dict.fromkeys(line.names[1] for line in outcome.lines))
    table = Table(title=f"scratch beside {twins}: medians over the seeds", title_justify="left", box=SIMPLE_HEAD)
    for name in ("problem", "optimizer", "case"):
        table.add_column(name, no_wrap=True)
    for name in ("loss", "twin's", "gap/bound", "step us", "twin's", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in outcome.lines:
        ours, theirs = line.names
        gap = line.gap.gap_bounds
        table.add_row(
            line.problem.name,
            line.spec.name,
            line.case.name,
            f"{line.final_loss(ours):.6g}",
            f"{line.final_loss(theirs):.6g}",
            f"{gap:.3f}" if gap <= 1 else f"[bold red]{gap:.3g} WRONG[/]",
            f"{line.step_time_s(ours) * 1e6:.1f}",
            f"{line.step_time_s(theirs) * 1e6:.1f}",
            f"{line.ratio:.2f}",
        )
    console.print(table)
    for line in outcome.lines:
        if line.gap.gap_bounds > 1:
            console.print(f"WRONG {line.spec.name}/{line.case.name}: {line.gap}", style="red", markup=False)
    for problem, why in outcome.missing.items():
        console.print(f"missing: {problem}: {why}", style="yellow", markup=False, soft_wrap=True)
    for path in (*outcome.tables, *pictures):
        console.print(f"wrote {path}", markup=False, soft_wrap=True)


@cli.command()
@data_option
def book(data: Path | None) -> None:
    """Every published number of the book beside what comes out here; exit 1 if one differs."""
    with _bad_input():
        from .airfoil import DataUnavailable
        from .book import airfoil_rows, walk_rows

        rows, missing = walk_rows(), ""
        try:
            rows += airfoil_rows(data)
        except DataUnavailable as absent:
            missing = str(absent)
    console = _console()
    table = Table(box=SIMPLE_HEAD)
    for name in ("what", "published", "came out", ""):
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(row.name, row.published, row.came_out, "equal" if row.equal else "[bold red]DIFFERS[/]")
    console.print(table)
    equal = sum(row.equal for row in rows)
    console.print(f"{equal} of {len(rows)} rows equal")
    if missing:
        console.print(f"missing: the airfoil losses: {missing}", style="yellow", markup=False, soft_wrap=True)
    if equal < len(rows):
        raise click.exceptions.Exit(1)


@cli.command("list")
def list_() -> None:
    """Optimizers with their cases, problems and references."""
    with _bad_input():
        from ..reference import torch_paths
        from . import problems as registry

        console = _console()
        for spec in scratch_impls.all_specs():
            paths = ", ".join(torch_paths.paths(spec.reference))
            title = f"{spec.name}: held against torch.optim.{spec.reference} ({paths}) and, where marked, the book's rule"
            table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
            for name in ("case", "hyperparameters", "the mistake that it shows", "trained on"):
                table.add_column(name)
            for case in spec.cases:
                values = ", ".join(f"{k}={v}" for k, v in case.hyper.items()) or "defaults"
                name = case.name if case.reference == "torch" else f"{case.name} (book's rule)"
                table.add_row(name, values, case.reason, ", ".join(case.problems))
            console.print(table)
        table = Table(title="problems", title_justify="left", box=SIMPLE_HEAD)
        for name in ("problem", "what", "steps", "least loss", "source"):
            table.add_column(name)
        for problem in registry.all_problems():
            least = "" if problem.minimum is None else f"{problem.minimum:.9g}"
            table.add_row(problem.name, problem.what, str(problem.steps), least, problem.source)
        console.print(table)


@cli.command()
@click.option("--write", is_flag=True, help="Write the manifest instead of comparing with it.")
@click.option("--base", metavar="REF", help="Compare with the manifest of this commit instead of the working tree's.")
def manifest(write: bool, base: str | None) -> None:
    """How many tests and benchmarks there are, against the committed count; exit 4 if one vanished."""
    from . import manifest as counted

    with _bad_input():
        here = counted.collect(Path.cwd())
        if write:
            counted.write(Path.cwd(), here)
            click.echo(f"wrote {counted.FILE}: {sum(here.values())} tests and benchmarks")
            return
        expected = counted.read(Path.cwd(), base)
    vanished, grown = counted.compare(expected, here)
    for line in (*vanished, *grown):
        click.echo(line)
    click.echo(f"{sum(here.values())} tests and benchmarks, {sum(expected.values())} expected")
    if vanished:
        raise click.exceptions.Exit(4)


def main() -> None:
    """The installed command: 0 done · 1 a number differs · 2 wrong input · 4 nothing was measured · 130 interrupted."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        click.echo("interrupted: every finished row is kept", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        click.echo("interrupted: every finished row is kept", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)



