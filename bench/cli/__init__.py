"""The command line: a file of this folder is a command, and nothing else lists it. Functions elsewhere decide.

A file whose name begins with an underscore is shared by the commands.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from ..battery.guard import watched
from ..records.journal import DamagedJournal
from ..records.rows import version


class CommandFileError(click.ClickException):
    """A file of this folder is not one command; the message begins with file and line."""

    exit_code = 2


def names() -> list[str]:
    """The commands of this folder, sorted."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


class _Commands(click.Group):
    """Imports a command when it is asked for: `twinstep list` must not wait for what `twinstep gate` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in names():
            return None
        return the_command(importlib.import_module(f".{cmd_name}", __package__), cmd_name)


def the_command(module: ModuleType, name: str) -> click.Command:
    """The one command that a file of this folder defines, called as the file. CommandFileError for anything else."""
    mine = [v for v in vars(module).values() if isinstance(v, click.Command) and _home(v) == module.__name__]
    if not mine:
        raise CommandFileError(f"{module.__file__}:1: it defines no command: write @click.command() above def {name}()")
    if len(mine) > 1:
        what = f"it defines {mine[0].name} and {mine[1].name}: a file is one command, so move one to a file of its own"
        raise CommandFileError(f"{module.__file__}:{_line(mine[1])}: {what}")
    (command,) = mine
    if command.name != name:
        what = f'its command is called {command.name}, its file {name}.py: write @click.command("{name}")'
        raise CommandFileError(f"{module.__file__}:{_line(command)}: {what}")
    if not command.help:
        what = "it needs a docstring, whose first line is what `twinstep --help` says"
        raise CommandFileError(f"{module.__file__}:{_line(command)}: {what}")
    return command


def _home(command: click.Command) -> str:
    """The module that defines a command; a file may import another's."""
    return str(getattr(command.callback, "__module__", ""))


def _line(command: click.Command) -> int:
    return inspect.getsourcelines(inspect.unwrap(command.callback))[1] if command.callback else 1


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), message="%(version)s")
def cli() -> None:
    """Optimizers step by step beside their torch.optim twins: agreement, losses, time."""


def _damage_as_note(usual: Any) -> Any:
    """A journal that was repaired is reported in one line, not as a warning of some file of ours."""

    def show_warning(message: Any, category: Any, *place: Any) -> None:
        if issubclass(category, DamagedJournal):
            click.echo(f"note: {message}", err=True)
        else:
            usual(message, category, *place)

    return show_warning


def main() -> None:
    """The installed command: 0 done · 1 a number differs · 2 wrong input · 4 nothing was measured · 130 interrupted.

    A child does the work: what ends it from inside, as somebody's os._exit(0) does, is no 0 here.
    """
    # An exit code must be able to say that the judged code ended the process.
    sys.exit(watched(_work))


def _work() -> int:
    warnings.showwarning = _damage_as_note(warnings.showwarning)
    try:
        # Else click ends the process itself, with 1 where it was interrupted; so it returns the code of an `Exit`.
        return cli.main(standalone_mode=False) or 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted: every finished row is kept", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
