"""`twinstep manifest`: how many tests there are."""

from __future__ import annotations

from pathlib import Path

import click

from ._terminal import bad_input


@click.command()
@click.option("--write", is_flag=True, help="Write the manifest instead of comparing with it.")
@click.option("--base", metavar="REF", help="Compare with the manifest of this commit instead of the working tree's.")
def manifest(write: bool, base: str | None) -> None:
    """How many tests and benchmarks there are, against the committed count; exit 4 if one vanished."""
    from ..records import manifest as counted

    with bad_input():
        here = counted.collect(Path.cwd())
        if write:
            counted.write(Path.cwd(), here)
            click.echo(f"wrote {counted.FILE}: {counted.total(here)} tests and benchmarks")
            return
        expected = counted.read(Path.cwd(), base)
    vanished, grown = counted.compare(expected, here)
    for what, names in (("vanished", vanished), ("new", grown)):
        for name in names:
            click.echo(f"{what}: {name}")
    click.echo(f"{counted.total(here)} tests and benchmarks, {counted.total(expected)} expected")
    if vanished:
        raise click.exceptions.Exit(4)
