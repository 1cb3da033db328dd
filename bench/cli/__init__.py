"""The command line. Functions elsewhere decide; the commands print and exit."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ... import scratch_impls
from .check import check
from .gate import gate, history, noise
from .run import run
from ..battery.guard import watched
from ..records.journal import DamagedJournal
from ._terminal import bad_input, console, data_option


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="twinstep", message="%(version)s")
def cli() -> None:
    """Optimizers step by step beside their torch.optim twins: agreement, losses, time."""


for command in (run, check, gate, noise, history):
    cli.add_command(command)


@cli.command()
@data_option
def book(data: Path | None) -> None:
    """Every published number of the book beside what comes out here; exit 1 if one differs."""
    with bad_input():
        from ..study.problems._airfoil_download import DataUnavailable
        from ..study.book import airfoil_rows, walk_rows

        rows, missing = walk_rows(), ""
        try:
            rows += airfoil_rows(data)
        except DataUnavailable as absent:
            missing = str(absent)
    out = console()
    table = Table(box=SIMPLE_HEAD)
    for name in ("what", "published", "came out", ""):
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(row.name, row.published, row.came_out, "equal" if row.equal else "[bold red]DIFFERS[/]")
    out.print(table)
    equal = sum(row.equal for row in rows)
    out.print(f"{equal} of {len(rows)} rows equal")
    if missing:
        out.print(f"missing: the airfoil losses: {missing}", style="yellow", markup=False, soft_wrap=True)
    if equal < len(rows):
        raise click.exceptions.Exit(1)


@cli.command("list")
def list_() -> None:
    """Optimizers with their cases, problems and references."""
    with bad_input():
        from ...reference import torch_paths
        from ..study import problems as registry

        out = console()
        for spec in scratch_impls.all_specs():
            held = "itself on NumPy: torch has no twin of it"
            if spec.reference:
                held = f"torch.optim.{spec.reference} ({', '.join(torch_paths.paths(spec.reference))})"
            title = f"{spec.name}: held against {held}"
            if any(case.reference == "book" for case in spec.cases):
                title += " and, where marked, the book's rule"
            table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
            for name in ("case", "hyperparameters", "the mistake that it shows", "trained on"):
                table.add_column(name)
            for case in spec.cases:
                values = ", ".join(f"{k}={v}" for k, v in case.hyper.items()) or "defaults"
                name = case.name if case.reference == "torch" else f"{case.name} (book's rule)"
                table.add_row(name, values, case.reason, ", ".join(case.problems))
            out.print(table)
        table = Table(title="problems", title_justify="left", box=SIMPLE_HEAD)
        for name in ("problem", "what", "steps", "least loss", "source"):
            table.add_column(name)
        for problem in registry.all_problems():
            least = "" if problem.minimum is None else f"{problem.minimum:.9g}"
            table.add_row(problem.name, problem.what, str(problem.steps), least, problem.source)
        out.print(table)


@cli.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if something is out of date.")
def gallery(only_check: bool) -> None:
    """The page of all optimizers, docs/gallery.md with its pictures, made from the registry."""
    with bad_input():
        from ..report import gallery as made

        root = Path.cwd()
        if not (root / "scratch_impls").is_dir():
            raise click.UsageError("the gallery is made in a clone of Twinstep, from its own folder")
        made.check_places(root)
        wanted = made.products(root, made.entries())
        different = made.stale(root, wanted)
        if not only_check:
            made.write(root, wanted)
    for line in different:
        click.echo(line if only_check else f"{line}: written anew")
    click.echo(f"{len(wanted)} files, {len(different)} out of date")
    if different and only_check:
        click.echo("`twinstep gallery` makes them anew")
        raise click.exceptions.Exit(1)


@cli.command()
@click.option("--write", is_flag=True, help="Write the manifest instead of comparing with it.")
@click.option("--base", metavar="REF", help="Compare with the manifest of this commit instead of the working tree's.")
def manifest(write: bool, base: str | None) -> None:
    """How many tests and benchmarks there are, against the committed count; exit 4 if one vanished."""
    from ..records import manifest as counted

    with bad_input():
        here = counted.collect(Path.cwd())
        if write:
            counted.write(Path.cwd(), here)
            click.echo(f"wrote {counted.FILE}: {counted.total(here)} tests and benchmarks")
            return
        expected = counted.read(Path.cwd(), base)
    vanished, grown = counted.compare(expected, here)
    for what, names in (("vanished", vanished), ("new", grown)):
        for name in names:
            click.echo(f"{what}: {name}")
    click.echo(f"{counted.total(here)} tests and benchmarks, {counted.total(expected)} expected")
    if vanished:
        raise click.exceptions.Exit(4)


@cli.command()
@click.option("--write", is_flag=True, help="Make this the baseline instead of comparing with it.")
@click.option("--losses", type=click.Path(path_type=Path), default=Path("results/last/losses.csv"), show_default=True,
              help="The losses table of a run in float64.")  # fmt: skip
@click.option("--baseline", type=click.Path(path_type=Path), default=Path("results/baseline.csv"), show_default=True)
def baseline(write: bool, losses: Path, baseline: Path) -> None:
    """The final losses of the last run, cell by cell against the committed ones; exit 1 if one moved."""
    with bad_input():
        from ..study import baseline as judge
        from ..records.tables import read_table

        table = judge.steady(read_table(losses))
        if write:
            judge.write(table, baseline)
            click.echo(f"wrote {baseline}: {len(table)} cells")
            return
        cells = judge.compare(table, read_table(baseline))
    for cell in cells:
        click.echo(cell)
    moved = sum(cell.verdict == "moved" for cell in cells)
    click.echo(f"{len(table)} cells compared, {moved} moved")
    if moved:
        raise click.exceptions.Exit(1)


def _tell_damage(usual: Any) -> Any:
    """A journal that was repaired is told in one line, not as a warning of some file of ours."""

    def show(message: Any, category: Any, *place: Any) -> None:
        if issubclass(category, DamagedJournal):
            click.echo(f"note: {message}", err=True)
        else:
            usual(message, category, *place)

    return show


def main() -> None:
    """The installed command: 0 done · 1 a number differs · 2 wrong input · 4 nothing was measured · 130 interrupted.

    A child does the work: what ends it from inside, as somebody's os._exit(0) does, is no 0 here.
    """
    sys.exit(watched(_work))


def _work() -> int:
    warnings.showwarning = _tell_damage(warnings.showwarning)
    try:
        return cli.main(standalone_mode=False) or 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted: every finished row is kept", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
