"""Each way of executing the step (foreach, fused) agrees with the formula, and really is another way.

Bugs: pytorch#78807 #110444 #119885, bitsandbytes#1992 #2010, kozistr#519: a fast path that leaves an option out,
keeps p.grad, or pairs state with the wrong gradients. A suite compared a fused path with itself and passed; so the
operators of a profiled step must differ from those of the loop. Each path also starts parameters late, steps 23 of
them in groups, and resumes: one that takes sixteen parameters at a time passes everything smaller. And a group has no
gradients or no parameters, gradients stay as they are, and a graph that they carry is let go.
Controls: an SGD with each of these faults in its foreach path.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch

from .....reference import torch_paths
from .....reference.known_defects import expected_failures
from .....scratch_impls import Case
from ....compare.replay import Factory
from ...context import Context, check, note, parameters
from ...design.seen import why_refused
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..faults import reported_at, unless_by_design
from ..histories import probe
from ..ownership._gradients_with_a_graph import judge_graph_is_let_go
from ..ownership.inputs_untouched import judge_gradients
from ..persistence._save_and_resume import judge_resumed_run
from ..reference_agreement import judge_agreement
from ..runs import gradient_history
from ..structure._parameters_together import judge_beside_empty_group
from ..structure._separate_optimizers import judge_groups_of_a_model
from ..structure.none_gradients import judge_groups_without_gradients


@check("T11", place=5, since="0.2")
def paths(context: Context) -> None:
    flags = [name for name in ("foreach", "fused") if name in context.subject.execution]
    if not flags:
        raise NotApplicable("it has one way to execute a step: it takes neither foreach nor fused")
    off: dict[str, bool] = dict.fromkeys(flags, False)
    profiles = {}
    for flag in (None, *flags):
        switched = off if flag is None else {**off, flag: True}
        make = functools.partial(context.subject.make, **switched)
        if why := _refused(context, make):
            if flag is None:
                raise NotApplicable(f"it refuses to be made with {', '.join(f'{n}=False' for n in flags)}: {why}")
            note(f"it refuses {flag}=True: {why}")
            continue
        try:
            for case in context.cases if context.spec else ():
                # One format, few steps: a path differs from another in its kernels, at once; the grid judged the rest.
                judge_agreement(context, case, probe(context, context.seed, steps=12), context.dtypes[0], make=make)
            if flag and context.cases:
                _judge_beyond_the_cases(context, flag, switched)
        except Failed as fault:
            fault.message = f"with {flag}=True: {fault.message}" if flag else fault.message
            raise
        profiles[flag or "for-loop"] = _operators(context, make)
    for flag in flags:
        if profiles.get(flag) == profiles["for-loop"]:
            raise Failed(
                f"{flag}=True ran the same operators as {flag}=False: {', '.join(profiles[flag][:4])}, ...",
                cause=f"the option {flag} is ignored",
            )


def _judge_beyond_the_cases(context: Context, flag: str, switched: Mapping[str, bool]) -> None:
    """A path in the last format: late gradients, many parameters in groups, saving and loading.

    What is known of a class of torch in that path is not told again of the class that only takes the flag.
    """
    case, dtype = context.richest, context.dtypes[-1]
    known = expected_failures(functools.partial(context.subject.make, **switched), [dtype])
    judged: dict[str, Callable[[Context], None]] = {  # under the name of the check that says it of the class itself
        "late-parameters": lambda context: judge_agreement(
            context, case, probe(context, context.seed + 2, steps=15, late=True), dtype
        ),
        "groups": lambda context: _judge_groups(context, case, dtype),
        "none-gradients": lambda context: judge_groups_without_gradients(context, case, *_three(context, dtype)),
        "inputs-untouched": lambda context: _judge_gradients(context, dtype),
        "no-aliasing": lambda context: judge_graph_is_let_go(context, case, *_three(context, dtype)),
        "save-load": lambda context: judge_resumed_run(context, case, dtype),
    }

    def on(context: Context, case: Case, *, name: str) -> None:
        if flag in context.subject.execution:  # else it is a reference that has no such path
            given = {n: v for n, v in switched.items() if n in context.subject.execution}
            subject = dataclasses.replace(context.subject, make=functools.partial(context.subject.make, **given))
            with reported_at(case, dtype):
                judged[name](dataclasses.replace(context, subject=subject))

    asked = judged if context.asks("0.3") else ("late-parameters", "groups", "save-load")
    for name in asked:
        if name not in known and (name != "late-parameters" or context.against is not None):
            with contextlib.suppress(NotApplicable):  # the reference has it by design
                unless_by_design(context, case, functools.partial(on, name=name))


def _three(context: Context, dtype: str) -> tuple[Any, Any]:
    """Three parameters and their gradients."""
    start = parameters(context.seed, ((3, 2), (4,), (5,)), dtype, context.device)
    return start, gradient_history(context.seed, 7, start)


def _judge_groups(context: Context, case: Case, dtype: str) -> None:
    judge_groups_of_a_model(context, case)
    if context.asks("0.3"):
        judge_beside_empty_group(context, case, *_three(context, dtype))


def _judge_gradients(context: Context, dtype: str) -> None:
    """In every case, since weight decay, maximize and momentum each write in a place of their own."""
    for case in cases_of(context, every=True):
        with reported_at(case, dtype):
            params = parameters(context.seed, dtype=dtype, device=context.device)
            judge_gradients(context, context.build(params, **case.hyper), params)


def _refused(context: Context, make: Factory) -> str:
    """What it refuses this way with, on purpose and for the first case."""

    def attempt() -> None:
        make(parameters(context.seed, dtype=context.dtypes[0], device=context.device), **_hyper(context))

    return why_refused(attempt)


def _hyper(context: Context) -> Mapping[str, Any]:
    return context.cases[0].hyper if context.cases else {}


def _operators(context: Context, make: Factory) -> list[str]:
    """The operators of one profiled step, sorted."""
    params = parameters(context.seed, ((64,), (64,)), context.dtypes[0], context.device)
    optimizer = make(params, **_hyper(context))
    for _ in range(2):
        for p in params:
            p.grad = torch.ones_like(p)
        names = torch_paths.operators(optimizer)
    return names
