"""`twinstep list`: optimizers with their cases, problems, references."""

from __future__ import annotations

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ... import scratch_impls
from ..report.terminal import console
from ._terminal import bad_input


@click.command("list")
def list_() -> None:
    """Optimizers with their cases, problems and references."""
    with bad_input():
        from ...reference import torch_paths
        from ..study import problems as registry

        out = console()
        for spec in map(scratch_impls.load, (*scratch_impls.names(), *scratch_impls.literature_names())):
            against = "itself on NumPy: torch has no twin of it"
            if spec.reference:
                against = f"torch.optim.{spec.reference} ({', '.join(torch_paths.paths(spec.reference))})"
            title = f"{spec.name}: held against {against}"
            if any(case.reference == "book" for case in spec.cases):
                title += " and, where marked, the book's rule"
            table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
            for name in ("case", "hyperparameters", "the mistake that it shows", "trained on"):
                table.add_column(name)
            for case in spec.cases:
                values = ", ".join(f"{k}={v}" for k, v in case.hyper.items()) or "defaults"
                name = case.name if case.reference == "torch" else f"{case.name} (book's rule)"
                table.add_row(name, values, case.reason, ", ".join(case.problems))
            out.print(table)
        table = Table(title="problems", title_justify="left", box=SIMPLE_HEAD)
        for name in ("problem", "what", "steps", "least loss", "source"):
            table.add_column(name)
        for problem in registry.all_problems():
            least = "" if problem.minimum is None else f"{problem.minimum:.9g}"
            table.add_row(problem.name, problem.what, str(problem.steps), least, problem.source)
        out.print(table)
