"""What every command needs of the terminal: errors of input, lists of names, a progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ... import scratch_impls


class BadInput(click.ClickException):
    exit_code = 2


@contextmanager
def bad_input() -> Iterator[None]:
    """What the user gave wrongly becomes one line and exit code 2; everything else is our own fault and traces back."""
    # Here and not above: `twinstep --help` must not wait for torch.
    from ...reference.data_files import DataFileError
    from ..battery.request import TargetError
    from ..gate.trees import GateError
    from ..records.rows import RowError
    from ..records.tables import TableError
    from ..study.problems._airfoil_download import DataError

    wrong = (
        DataError,
        DataFileError,
        GateError,
        RowError,
        TableError,
        TargetError,
        scratch_impls.SpecError,
        scratch_impls.UnknownName,
    )
    try:
        yield
    except wrong as error:
        raise BadInput(str(error)) from error


def name_list(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """A comma-separated list of names; None where the option was not given."""
    if value is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not names:
        raise click.BadParameter("it names nothing; leave the option out to take all")
    return names


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="The airfoil self-noise file, or the folder that has it.",
)


out_option = click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("results/last"),
                          show_default=True, help="Where the history and the reports go.")  # fmt: skip


@contextmanager
def progress_bar(total: int) -> Iterator[Any]:
    """A bar on a terminal, nothing elsewhere."""
    errors = Console(stderr=True, emoji=False)
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # On the error stream: the tables on standard output can be piped.
    with Progress(*columns, console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        started = False

        def report(text: str) -> None:
            nonlocal started
            bar.update(task, description=text, advance=1 if started else 0)
            started = True

        yield report
