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
    """The final losses of the last run, cell by cell against the committed ones; exit 1 if one moved.

    Exit: 0 none moved, 1 one moved, 2 wrong input, 4 nothing was compared.
    """
    with bad_input():
        from ..records.tables import TableError, read_table
        from ..study import baseline as judge

        table = judge.reproducible(read_table(losses))
        if write and table.empty:
            raise TableError(f"{losses} has no cell that a baseline can hold (float64, seed 0); {baseline} stays")
        if write:
            judge.write(table, baseline)
            click.echo(f"wrote {baseline}: {len(table)} cells")
            return
        cells = judge.compare(table, read_table(baseline))
    # What was not run is counted and fails nothing: `--optimizers` chooses parts.
    for cell in cells:
        if cell.verdict != "not run":
            click.echo(cell)
    number = {verdict: sum(cell.verdict == verdict for cell in cells) for verdict in ("moved", "new", "not run")}
    compared = len(table) - number["new"]
    click.echo(
        f"{compared} cells compared: {compared - number['moved']} equal, {number['moved']} moved; "
        f"{number['new']} new, {number['not run']} not run"
    )
    if number["moved"]:
        raise click.exceptions.Exit(1)
    if not compared:
        raise click.exceptions.Exit(4)
