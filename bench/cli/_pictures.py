"""Drawing the pictures of a run: with progress, and a line for each that could not be written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..report.terminal import console
from ._terminal import progress_bar

if TYPE_CHECKING:
    from ..study.pool import Pool


def draw_pictures(folder: Path, pool: Pool) -> tuple[list[Path], bool]:
    """Draws those of the last run in `folder`, and says what is missing: (files, whether all could be written)."""
    # matplotlib is not needed for the summary, which stands on the screen by now.
    from ..report.run_pictures import draw_all, pictures_of

    with progress_bar(total=len(pictures_of(folder))) as report:
        written, missing = draw_all(folder, pool, report)
    out = console()
    for name, why in missing.items():
        out.print(f"missing: {name}: {why}", style="yellow", markup=False, soft_wrap=True)
    if missing:
        out.print(
            f"the tables are whole; `twinstep tables {folder}` draws what is missing", markup=False, soft_wrap=True
        )
    for note in pool.notes:
        click.echo(f"note: {note}", err=True)
    return written, not missing
