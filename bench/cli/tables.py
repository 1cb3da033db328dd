"""`twinstep tables`: tables and pictures of what a journal holds."""

from __future__ import annotations

from pathlib import Path

import click

from ..report.terminal import console
from ._pictures import draw_pictures
from ._terminal import BadInput, bad_input


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("results/last"))
def tables(folder: Path) -> None:
    """Tables and pictures of a journal, such as a run's that was killed.

    FOLDER (results/last unless given) holds the journal: losses.jsonl, agreement.jsonl, timings.jsonl and what stands
    beside them. Each table shows the last run that wrote its kind. A run of an older version has no pictures.
    """
    with bad_input():
        from ..records.journal import journal_path
        from ..records.rows import KINDS
        from ..records.tables import write_tables
        from ..study.pool import Pool

        if not any(journal_path(folder, kind).is_file() for kind in KINDS):
            names = ", ".join(journal_path("", kind).name for kind in KINDS)
            raise BadInput(f"{folder} holds no journal: none of {names}; name the folder that a run wrote into (--out)")
        out = console()
        written = write_tables(folder)
        for path in written:
            out.print(f"wrote {path}", markup=False, soft_wrap=True)
        # A journal without one whole row: that nothing came out must not look like an empty table was right.
        if not written:
            out.print(f"the journals of {folder} hold no row", style="yellow", markup=False, soft_wrap=True)
            raise click.exceptions.Exit(4)
        pictures, whole = draw_pictures(folder, Pool(0))
        for path in pictures:
            out.print(f"wrote {path}", markup=False, soft_wrap=True)
        if not whole:
            raise click.exceptions.Exit(2)
