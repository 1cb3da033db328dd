"""`twinstep book`: the published numbers beside what comes out here."""

from __future__ import annotations

from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..report.terminal import console
from ._terminal import bad_input, data_option


@click.command()
@data_option
def book(data: Path | None) -> None:
    """Every published number of the book beside what comes out here; exit 1 if one differs."""
    with bad_input():
        from ..study.book import airfoil_rows, walk_rows
        from ..study.problems._airfoil_download import DataUnavailable

        # The walks need no data: they are judged where the airfoil table cannot be had.
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
