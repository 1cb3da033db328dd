"""`twinstep formula`: one update as mathematics, beside its cases, bounds and conventions."""

from __future__ import annotations

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ... import scratch_impls
from ...scratch_impls import Spec
from ..report.terminal import console
from ._terminal import bad_input


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--quick", is_flag=True, help="Without the bounds, which are measured.")
def formula(name: str, quick: bool) -> None:
    """Print an optimizer's update as mathematics, its cases, how far implementations are apart, and conventions.

    NAME is one of `twinstep list`, or a formula file.
    """
    with bad_input():
        from ..battery import request

        spec = request.formula(name) if name.endswith(".py") else scratch_impls.load(name)
        from ..report.mathematics import as_mathematics

        out = console()
        out.print(as_mathematics(spec.formula), markup=False, highlight=False)
        out.print(_cases(spec))
        if not quick:
            out.print(_bounds(spec))
        _print_conventions(spec, out)


def _cases(spec: Spec) -> Table:
    table = _table("cases", "case", "hyperparameters", "the mistake that it shows")
    for case in spec.cases:
        table.add_row(case.name, ", ".join(f"{n}={v}" for n, v in case.hyper.items()) or "defaults", case.reason)
    return table


def _bounds(spec: Spec) -> Table:
    """As the gallery has them: single steps from synchronised state, over all cases."""
    from ..report.gallery import bounds_by_implementation
    from ..report.pages import DTYPES

    found = bounds_by_implementation(spec, DTYPES)
    table = _table("the largest gap, in bounds: above 1 is wrong", "from", *DTYPES)
    for implementation in dict.fromkeys(name for name, _ in found):
        table.add_row(implementation, *(f"{found[implementation, dtype]:.2f}" for dtype in DTYPES))
    return table


def _print_conventions(spec: Spec, out: Console) -> None:
    from ...reference.frameworks import axes_of

    if not (axes := axes_of(spec)):
        return
    table = _table("conventions", "convention", "here", "elsewhere", "shows at", "size")
    for axis in axes:
        table.add_row(axis.name, axis.of(spec), axis.others, axis.shows, axis.size)
    out.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name)
    return table
