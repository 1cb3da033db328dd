"""`twinstep gate`: the working tree against a base commit."""

from __future__ import annotations

from pathlib import Path

import click

from ._terminal import bad_input, name_list, out_option


@click.command()
@click.option("--base", metavar="REF", help="The commit to judge against: a branch, a tag, a hash.")
@click.option("--accept", multiple=True, metavar="NAME",
              help="A removal, or a check that fails from now on, that a maintainer accepts.")  # fmt: skip
@click.option("--only", callback=name_list, metavar="A,B", help="Judge and time only benchmarks whose names begin so.")
@click.option("--keep-going", is_flag=True, help="Time on where the gate is red already.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--self-test", is_flag=True, help="Prove the gate on this machine: identical code, slowdowns, bugs.")
@click.option("--decisions", type=click.IntRange(min=1), default=60, show_default=True, metavar="N",
              help="With --self-test: stop once so many decisions on identical code are recorded.")  # fmt: skip
@out_option
def gate(
    base: str | None, accept: tuple[str, ...], only: tuple[str, ...] | None, keep_going: bool, json_file: Path | None,
    junit: Path | None, markdown: Path | None, self_test: bool, decisions: int, out: Path,
) -> None:  # fmt: skip
    """Judge the working tree against a base commit: agreement, what must be there, time.

    Exit: 0 pass, 1 slower or wrong, 2 wrong input, 3 inconclusive, 4 something that was expected is missing.
    """
    if self_test == (base is not None):
        raise click.UsageError("give --base REF, the commit to judge against, or --self-test")
    with bad_input():
        if self_test:
            from ..gate.selftest.run import run as run_self_test

            code = run_self_test(out.resolve(), decisions=decisions, only=only or ())
        else:
            from ..gate import start

            files = {"json_file": json_file, "junit_file": junit, "markdown_file": markdown}
            request = start.Request(
                start=Path.cwd(), base=base or "", out=out.resolve(), accepted=accept, only=only or (),
                keep_going=keep_going,
                **{name: file.resolve() for name, file in files.items() if file is not None},
            )  # fmt: skip
            code = start.gate(request)
    if code:
        raise click.exceptions.Exit(code)
