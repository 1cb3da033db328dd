"""`twinstep run`: the main job, and its summary."""

from __future__ import annotations

from pathlib import Path

import click

from ... import scratch_impls
from ..report.terminal import console
from ._pictures import draw_pictures
from ._signals import end_in_order
from ._summary import is_wrong, print_lines, print_verdict
from ._terminal import bad_input, data_option, name_list, progress_bar
from ._their_code import check_fits, told_by_their_lines


@click.command()
@click.option("--optimizers", callback=name_list, metavar="A,B", help="Only these; see `twinstep list`.")
@click.option("--problems", callback=name_list, metavar="P,Q", help="Only these; see `twinstep list`.")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=3, show_default=True, help="How many, from seed 0.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float64", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results/last"),
    show_default=True,
    help="Where tables, journal and pictures go.",
)
@data_option
@click.option("--formula", type=click.Path(path_type=Path), metavar="FILE", help="A formula file, instead of ours.")
@click.option("--against", metavar="MODULE:CLASS", help="The class to hold it against, instead of its torch twin.")
@click.option("--wide", is_flag=True, help="All columns of the table, however narrow the terminal is.")
def run(
    optimizers: tuple[str, ...] | None, problems: tuple[str, ...] | None, seeds: int, dtype: str, out: Path,
    data: Path | None, formula: Path | None, against: str | None, wide: bool,
) -> None:  # fmt: skip
    """The main job: optimizers and their twins over all problems; tables and pictures."""
    if formula and optimizers:
        raise click.UsageError("--formula brings its own optimizer; leave out --optimizers")
    with bad_input():
        from ..battery import request

        # Names before torch, which takes seconds to load: a misspelt one is answered at once.
        specs = (request.formula(formula),) if formula else _specs(optimizers)
        _check_problems(problems)
        if against:
            request.check_class_name(against)
        from ..study import problems as registry
        from ..study.job import Job
        from ..study.job import run as run_job
        from ..study.pool import Pool

        job = Job(
            specs=specs,
            problems=tuple(registry.load(name) for name in problems or registry.names()),
            seeds=seeds,
            dtype=dtype,
            out=out,
            formula=formula,
            data=data,
            against=(against, request.optimizer(against)) if against else None,
        )
        screen = console()
        with end_in_order(out), Pool.for_tasks(len(job.shared())) as pool:
            with progress_bar(total=len(job.tasks())) as report, told_by_their_lines(job):
                check_fits(job)
                outcome = run_job(job, report, pool)
            print_lines(outcome, screen, wide=wide)
            # After the summary: two hundred axes take a while, and who stops them has the numbers.
            pictures, whole = draw_pictures(out, pool)
    print_verdict(job, outcome, pictures, screen)
    # Nothing was measured, which must not look like nothing was wrong.
    if not outcome.lines:
        raise click.exceptions.Exit(4)
    if any(map(is_wrong, outcome.lines)):
        raise click.exceptions.Exit(1)
    if not whole:
        raise click.exceptions.Exit(2)


def _specs(names: tuple[str, ...] | None) -> tuple[scratch_impls.Spec, ...]:
    return tuple(scratch_impls.load(name) for name in names or scratch_impls.names())


def _check_problems(names: tuple[str, ...] | None) -> None:
    from ..study import problems

    for name in names or ():
        problems.check_name(name)
