"""`twinstep gallery`: docs/gallery.md and what else is made from the registries."""

from __future__ import annotations

from pathlib import Path

import click

from ._terminal import bad_input


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if something is out of date.")
def gallery(only_check: bool) -> None:
    """The page of all optimizers, docs/gallery.md with its pictures, made from the registry."""
    with bad_input():
        from ..report import gallery as page

        root = Path.cwd()
        if not (root / "scratch_impls").is_dir():
            raise click.UsageError("the gallery is made in a clone of Twinstep, from its own folder")
        # First: measuring takes minutes, and a damaged file would end it at the last step.
        page.check_readable(root)
        wanted = page.products(root, page.entries())
        different = page.stale(root, wanted)
        if not only_check:
            page.write(root, wanted)
    for line in different:
        click.echo(line if only_check else f"{line}: written anew")
    click.echo(f"{len(wanted)} files, {len(different)} out of date")
    if different and only_check:
        click.echo("`twinstep gallery` makes them anew")
        raise click.exceptions.Exit(1)
