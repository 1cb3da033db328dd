"""Somebody's formula file and class inside the main job: what they raise is told by their own lines."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...scratch_impls import Spec, as_shape
from ..battery.guard import no_exit
from ..battery.request import TargetError
from ._terminal import BadInput

if TYPE_CHECKING:
    from ..compare.replay import Factory
    from ..study.job import Job


@contextmanager
def told_by_their_lines(job: Job) -> Iterator[None]:
    """What is raised in their files is wrong input, with a traceback of their frames alone; other errors go on."""
    made = [job.against[1]] if job.against else []
    files = {str(job.formula)} if job.formula else set()
    files |= {file for make in made if (file := _file_of(make))}
    try:
        with no_exit() if files else _nothing():
            yield
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        # By the file and not by the module: a formula file is loaded under a name of ours.
        theirs = traceback.StackSummary.from_list([f for f in frames if any(_same(f.filename, file) for file in files)])
        if not theirs:
            raise
        message = "".join(traceback.format_exception_only(error)).rstrip()
        where = f"{theirs[-1].filename}, line {theirs[-1].lineno}"
        raise BadInput(
            f"{where} raised; every finished row is kept\nTraceback:\n{''.join(theirs.format())}{message}"
        ) from error


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _file_of(make: Any) -> str:
    try:
        return inspect.getsourcefile(make) or ""
    except TypeError:  # a partial, a builtin
        return ""


def _same(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def check_fits(job: Job) -> None:
    """TargetError where the formula or the class cannot train what is asked for: before anything runs.

    After an hour of training is too late for a missing option or for a class that is no optimizer.
    """
    for spec in job.specs:
        _check_update(spec)
        _check_names(job, spec)
    if job.against is not None:
        _check_options(job, *job.against)
        _check_makes_one(job.specs[0], *job.against)


def _check_names(job: Job, spec: Spec) -> None:
    """TargetError for a twin that torch does not have, UnknownName for an unknown problem."""
    from ...reference import torch_paths
    from ..study import problems

    try:
        if spec.reference is not None and job.against is None:
            torch_paths.twin(spec.reference)
    except LookupError as error:
        raise TargetError(f"{spec.name}: {error}: mend reference, or name a class with --against") from None
    for name in (name for case in spec.cases for name in case.problems):
        problems.check_name(name)


def _check_update(spec: Spec) -> None:
    """TargetError where a step does not return what the adapter takes."""
    import torch

    if spec.closure:  # it evaluates a loss, which is not at hand here
        return
    hyper = spec.hyper(**spec.cases[0].hyper)
    param, grad = (torch.full(as_shape((2, 2), spec.dims), value) for value in (1.0, 0.5))
    made = spec.update(param, grad, spec.start(param, hyper), 1, **hyper)
    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], dict)):
        kind = f"{len(made)} values" if isinstance(made, tuple) else f"a {type(made).__name__}"
        raise TargetError(f"{spec.name}: update returned {kind}; it must return (new parameter, new state)")
    shape = tuple(getattr(made[0], "shape", ()))
    if shape != tuple(param.shape):
        raise TargetError(
            f"{spec.name}: update made of a parameter of shape {tuple(param.shape)} one of shape {shape}; "
            "it must keep the shape"
        )


def _check_options(job: Job, name: str, make: Factory) -> None:
    """TargetError where the class lacks an option that a case needs."""
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


def _check_makes_one(spec: Spec, name: str, make: Factory) -> None:
    """TargetError where what is made has no step()."""
    import torch

    advice = "name a class of optimizers, or a function (params, **options) that returns one"
    try:
        made = make([torch.nn.Parameter(torch.zeros(as_shape((2, 2), spec.dims)))], **spec.cases[0].hyper)
    except (TypeError, ValueError) as error:
        raise TargetError(f"{name}: {type(error).__name__}: {error}; {advice}") from error
    if not callable(getattr(made, "step", None)):
        raise TargetError(f"{name} made a {type(made).__name__}, which has no step(): {advice}")
