"""`twinstep run`: the main job, and its summary."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ... import scratch_impls
from ..battery.request import TargetError
from ..report.terminal import console
from ._pictures import draw_pictures
from ._signals import end_in_order
from ._terminal import bad_input, data_option, name_list, progress_bar

if TYPE_CHECKING:
    from ..study.job import Job, Line, Outcome


@click.command()
@click.option("--optimizers", callback=name_list, metavar="A,B", help="Only these; see `twinstep list`.")
@click.option("--problems", callback=name_list, metavar="P,Q", help="Only these; see `twinstep list`.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="How many, from seed 0.")
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
def run(
    optimizers: tuple[str, ...] | None, problems: tuple[str, ...] | None, seeds: int, dtype: str, out: Path,
    data: Path | None, formula: Path | None, against: str | None,
) -> None:  # fmt: skip
    """The main job: optimizers and their twins over all problems; tables and pictures."""
    if formula and optimizers:
        raise click.UsageError("--formula brings its own optimizer; leave out --optimizers")
    with bad_input():
        from ..battery.request import resolve
        from ..study import problems as registry
        from ..study.job import Job
        from ..study.job import run as run_job
        from ..study.pool import Pool

        specs = (
            (scratch_impls.load_file(formula),)
            if formula
            else tuple(scratch_impls.load(name) for name in optimizers or scratch_impls.names())
        )
        job = Job(
            specs=specs,
            problems=tuple(registry.load(name) for name in problems or registry.names()),
            seeds=seeds,
            dtype=dtype,
            out=out,
            formula=formula,
            data=data,
            against=(against, resolve(against)) if against else None,
        )
        # Before anything runs: after an hour of training is too late for a missing option.
        _check_options(job)
        with end_in_order(out), Pool.for_tasks(len(job.shared())) as pool:
            with progress_bar(total=len(job.tasks())) as report:
                outcome = run_job(job, report, pool)
            _print_summary(outcome, [])
            whole = draw_pictures(out, pool)
    # Nothing was measured, which must not look like nothing was wrong.
    if not outcome.lines:
        raise click.exceptions.Exit(4)
    if any(line.gap.gap_bounds > 1 for line in outcome.lines):
        raise click.exceptions.Exit(1)
    if not whole:
        raise click.exceptions.Exit(2)


def _check_options(job: Job) -> None:
    """TargetError when the class that is named by --against lacks an option that a case needs: before anything runs."""
    if job.against is None:
        return
    name, make = job.against
    parameters = inspect.signature(make).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    for problem, spec, case, _ in job.cells():
        lacks = set(case.hyper) - {p.name for p in parameters}
        if lacks:
            raise TargetError(
                f"{name} takes no {', '.join(sorted(lacks))}, which {spec.name}/{case.name} needs on {problem.name}; "
                "choose what it can be held against with --optimizers and --problems"
            )


def _amplified(line: Line) -> bool:
    """Whether losses differ by what can be seen although no step does by more than rounding: chaos, and no mistake."""
    ours, theirs = (line.final_loss(name) for name in line.names)
    return line.gap.gap_bounds <= 1 and f"{ours:.6g}" != f"{theirs:.6g}"


def _print_summary(outcome: Outcome, pictures: list[Path]) -> None:
    out = console()
    out.print(_table(outcome.lines, narrow=out.width < 100))
    # By message: the gap of a probe is the same on every problem that trains with the case.
    wrong = {
        f"{line.spec.name}/{line.case.name} {line.dtype} against {line.names[1]}: {line.gap}": line.problem.name
        for line in outcome.lines
        if line.gap.gap_bounds > 1
    }
    for message, problem in wrong.items():
        out.print(f"WRONG {message} ({problem})", style="red", markup=False, soft_wrap=True)
    amplified = [f"{line.spec.name} on {line.problem.name}" for line in outcome.lines if _amplified(line)]
    if amplified:
        message = f"steps agree, and rounding is amplified until losses do not: {', '.join(amplified)}"
        out.print(message, markup=False, soft_wrap=True)
    for problem, why in outcome.missing.items():
        out.print(f"missing: {problem}: {why}", style="yellow", markup=False, soft_wrap=True)
    for path in (*outcome.tables, *pictures):
        out.print(f"wrote {path}", markup=False, soft_wrap=True)


def _table(lines: list[Line], *, narrow: bool) -> Table:
    """narrow: without the names of the cases, so that eighty columns hold every number."""
    twins = ", ".join(dict.fromkeys(line.names[1] for line in lines))
    table = Table(title=f"scratch beside {twins}: medians over the seeds", title_justify="left", box=SIMPLE_HEAD)
    for name in ("problem", "optimizer", *(() if narrow else ("case",))):
        table.add_column(name, no_wrap=True)
    for name in ("loss", "twin's", "gap/bound", "step us", "twin's", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        ours, theirs = line.names
        gap = line.gap.gap_bounds
        table.add_row(
            line.problem.name, line.spec.name, *(() if narrow else (line.case.name,)),
            f"{line.final_loss(ours):.6g}", f"{line.final_loss(theirs):.6g}",
            f"{gap:.3f}" if gap <= 1 else f"[bold red]{gap:.3g} WRONG[/]",
            f"{line.step_time_s(ours) * 1e6:.1f}", f"{line.step_time_s(theirs) * 1e6:.1f}", f"{line.ratio:.2f}",
        )  # fmt: skip
    return table
