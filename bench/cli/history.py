"""`twinstep history`: what gates have measured over commits."""

from __future__ import annotations

from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..report.terminal import console
from ._terminal import bad_input, name_list, out_option


@click.command()
@click.option("--only", callback=name_list, metavar="A,B", help="Only benchmarks whose names begin so.")
@out_option
def history(only: tuple[str, ...] | None, out: Path) -> None:
    """What gates have measured over commits, machine by machine: a table and a picture."""
    with bad_input():
        from ..gate import history as records
        from ..gate.history_picture import draw

        found = [p for p in records.points(records.read(out)) if not only or p.cell.startswith(only)]
        if not found:
            click.echo("the history has no row of that name", err=True)
            raise click.exceptions.Exit(4)
        picture = draw(found, out / "history.png")
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
