"""What every command needs of the terminal: errors of input, lists of names, how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
    from ..battery.request import TargetError, explain
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
        scratch_impls.SpecError,
        scratch_impls.UnknownName,
    )
    try:
        yield
    except TargetError as error:
        raise BadInput(explain(error)) from error
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


EVERY_S = 10.0  # seconds between two lines of progress in a log


class Plain:
    """Progress where there is no terminal: a line in ten seconds at most, so that a log is neither silent nor full."""

    def __init__(self, total: int, *, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.every_s, self.clock = total, every_s, clock
        self.done = 0
        self.began = self.told = clock()

    def begins(self, text: str) -> None:
        """Told before each part; all parts before it are done."""
        self._tell(f"now {text}")
        self.done += 1

    def finished(self, text: str) -> None:
        """Told after each part."""
        self.done += 1
        self._tell(text)

    def _tell(self, text: str) -> None:
        now = self.clock()
        if now - self.told >= self.every_s:
            self.told = now
            click.echo(f"{self.done} of {self.total} after {now - self.began:.0f} s: {text}", err=True)


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[str], None]]:
    """A function that is told what begins next: a bar on a terminal, plain lines elsewhere.

    On the error stream: the tables on standard output can be piped.
    """
    errors = Console(stderr=True, emoji=False)
    if not errors.is_terminal:
        yield Plain(total).begins
        return
    columns = (
        TextColumn("{task.description:32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=total)
        started = False

        def report(text: str) -> None:
            nonlocal started
            bar.update(task, description=text, advance=1 if started else 0)
            started = True

        yield report
