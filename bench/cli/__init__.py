"""The command line: a file of this folder is a command, and nothing else lists it. Functions elsewhere decide.

A file whose name begins with an underscore is shared by the commands.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from ..battery.guard import watched
from ..records.journal import DamagedJournal


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
        module = importlib.import_module(f".{cmd_name}", __package__)
        # Exactly one: a file with two commands, or none, raises here.
        (command,) = (v for v in vars(module).values() if isinstance(v, click.Command))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="twinstep", message="%(version)s")
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
        return cli.main(standalone_mode=False) or 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted: every finished row is kept", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
