"""`twinstep baseline`: which final losses moved."""

from __future__ import annotations

from pathlib import Path

import click

from ._terminal import bad_input


@click.command()
@click.option("--write", is_flag=True, help="Make this the baseline instead of comparing with it.")
@click.option("--losses", type=click.Path(path_type=Path), default=Path("results/last/losses.csv"), show_default=True,
              help="The losses table of a run in float64.")  # fmt: skip
@click.option("--baseline", type=click.Path(path_type=Path), default=Path("results/baseline.csv"), show_default=True)
def baseline(write: bool, losses: Path, baseline: Path) -> None:
    """The final losses of the last run, cell by cell against the committed ones; exit 1 if one moved."""
    with bad_input():
        from ..records.tables import read_table
        from ..study import baseline as judge

        table = judge.reproducible(read_table(losses))
        if write:
            judge.write(table, baseline)
            click.echo(f"wrote {baseline}: {len(table)} cells")
            return
        cells = judge.compare(table, read_table(baseline))
    for cell in cells:
        click.echo(cell)
    # What was not run is shown and fails nothing: `--optimizers` chooses parts.
    moved = sum(cell.verdict == "moved" for cell in cells)
    click.echo(f"{len(table)} cells compared, {moved} moved")
    if moved:
        raise click.exceptions.Exit(1)
