"""`twinstep noise`: what this machine can resolve."""

from __future__ import annotations

from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..report.terminal import console
from ._terminal import bad_input, chosen, out_option


@click.command()
@click.option("--only", callback=chosen, metavar="A,B", help="Only benchmarks whose names begin so.")
@click.option("--processes", type=click.IntRange(min=3), default=7, show_default=True)
@out_option
def noise(only: tuple[str, ...] | None, processes: int, out: Path) -> None:
    """What this machine can resolve: the working tree against itself, before one trusts a gate on it."""
    with bad_input():
        from ..gate.selftest.noise import noise as measure_noise

        found = measure_noise(Path.cwd(), out.resolve(), processes=processes, only=only or ())
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
