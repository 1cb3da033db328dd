"""`twinstep gate`, `noise` and `history`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ._terminal import bad_input, chosen, console

OUT = Path("results/last")
out_option = click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=OUT, show_default=True,
                          help="Where the history and the reports go.")  # fmt: skip


@click.command()
@click.option("--base", metavar="REF", help="The commit to judge against: a branch, a tag, a hash.")
@click.option("--accept", multiple=True, metavar="NAME",
              help="A removal, or a check that fails from now on, that a maintainer accepts.")  # fmt: skip
@click.option("--only", callback=chosen, metavar="A,B", help="Time only benchmarks whose names begin so.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--self-test", is_flag=True, help="Prove the gate on this machine: identical code, slowdowns, bugs.")
@click.option("--decisions", type=click.IntRange(min=1), default=60, show_default=True, metavar="N",
              help="With --self-test: stop once so many decisions on identical code are recorded.")  # fmt: skip
@out_option
def gate(
    base: str | None, accept: tuple[str, ...], only: tuple[str, ...] | None, json_file: Path | None,
    junit: Path | None, markdown: Path | None, self_test: bool, decisions: int, out: Path,
) -> None:  # fmt: skip
    """Judge the working tree against a base commit: agreement, what must be there, time.

    Exit: 0 pass, 1 slower or wrong, 2 wrong input, 3 inconclusive, 4 something that was expected is missing.
    """
    if self_test == (base is not None):
        raise click.UsageError("give --base REF, the commit to judge against, or --self-test")
    with bad_input():
        if self_test:
            from ..gate import selftest

            code = selftest.run(out.resolve(), decisions=decisions, only=only or ())
        else:
            from ..gate import start

            files = {"json_file": json_file, "junit_file": junit, "markdown_file": markdown}
            request = start.Request(
                start=Path.cwd(), base=base or "", out=out.resolve(), accepted=accept, only=only or (),
                **{name: file.resolve() for name, file in files.items() if file is not None},
            )  # fmt: skip
            code = start.gate(request)
    if code:
        raise click.exceptions.Exit(code)


@click.command()
@click.option("--only", callback=chosen, metavar="A,B", help="Only benchmarks whose names begin so.")
@click.option("--processes", type=click.IntRange(min=3), default=7, show_default=True)
@out_option
def noise(only: tuple[str, ...] | None, processes: int, out: Path) -> None:
    """What this machine can resolve: the working tree against itself, before one trusts a gate on it."""
    with bad_input():
        from ..gate import selftest

        found = selftest.noise(Path.cwd(), out.resolve(), processes=processes, only=only or ())
    screen = console()
    table = Table(title="identical code against itself", title_justify="left", box=SIMPLE_HEAD)
    for name in ("benchmark", "processes", "spread of a process", "worst process", "smallest slowdown found"):
        table.add_column(name, justify="left" if name == "benchmark" else "right", no_wrap=True)
    for line in found.lines:
        style = "yellow" if line.resolves > found.threshold else None
        table.add_row(line.cell, str(line.processes), f"{line.spread:.2%}", f"{line.worst:+.2%}",
                      f"{line.resolves:.1%}", style=style)  # fmt: skip
    screen.print(table)
    screen.print(found.verdict, markup=False, soft_wrap=True)


@click.command()
@click.option("--only", callback=chosen, metavar="A,B", help="Only benchmarks whose names begin so.")
@out_option
def history(only: tuple[str, ...] | None, out: Path) -> None:
    """What gates have measured over commits, machine by machine: a table and a picture."""
    with bad_input():
        from ..gate import history as kept

        found = [p for p in kept.points(kept.read(out)) if not only or p.cell.startswith(only)]
        if not found:
            click.echo("the history has no row of that name", err=True)
            raise click.exceptions.Exit(4)
        picture = kept.draw(found, out / "history.png")
    screen = console()
    for machine in dict.fromkeys(p.machine for p in found):
        table = Table(title=machine, title_justify="left", box=SIMPLE_HEAD)
        for name in ("benchmark", "series", "commit", "processes", "step us", "over torch", "range"):
            table.add_column(name, justify="right" if name not in ("benchmark", "series", "commit") else "left",
                             no_wrap=True)  # fmt: skip
        for p in (p for p in found if p.machine == machine):
            beside = ("", "") if p.ratio is None else (f"{p.ratio:.3f}", f"{p.low:.3f} to {p.high:.3f}")
            table.add_row(p.cell, p.series, p.commit, str(p.processes), f"{p.step_s * 1e6:.2f}", *beside)
        screen.print(table)
    screen.print(f"wrote {picture}", markup=False, soft_wrap=True)
