"""From parameters and the hyperparameters of a case it makes something that has a step().

Judged first: where it fails, all other checks would fail by the same line, so they are reported as not applicable.
One case that can be constructed is enough, since a case that is refused beside it is a fault of that case's options.
Control: an SGD whose constructor wants an argument that its twin does not have.
"""

from __future__ import annotations

import inspect
from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, note, parameters
from ...result import Failed
from ..cases import cases_of

CASES = "--cases FILE (cases=... in Python)"


FIRST = "is-an-optimizer"  # judged before all others, which it makes not applicable when it fails


@check("T15", place=1, since="0.2")
def is_an_optimizer(context: Context) -> None:
    refused: list[tuple[Case, Exception]] = []
    for said in (*context.notes, context.seen.small and f"larger shapes are judged: {context.seen.small}"):
        note(said)
    for case in cases_of(context, every=True):
        try:
            made = context.build(parameters(context.seed, dtype=context.dtypes[0], device=context.device), **case.hyper)
        except Exception as error:
            refused.append((case, error))
            continue
        if callable(getattr(made, "step", None)):
            return  # a case that is refused beside one that is not is a fault of that case's options
        raise _no_optimizer(f"{context.subject.label} made {_kind(made)}", case)
    _fail_with_advice(context, *refused[0])


def _kind(made: Any) -> str:
    return "None" if made is None else f"a {type(made).__name__}"


def _no_optimizer(what: str, case: Case) -> Failed:
    advice = "name a class of optimizers, or a function (params, **options) that returns one"
    return Failed(f"{what}, which has no step(): {advice}", case=case.name, cause="what it makes is no optimizer")


def _fail_with_advice(context: Context, case: Case, error: Exception) -> None:
    if isinstance(context.subject.cls, type) and not hasattr(context.subject.cls, "step"):
        raise _no_optimizer(f"{context.subject.label} is a class", case) from error
    missing = [n for n, default in context.subject.options.items() if default is inspect.Parameter.empty]
    if missing := [n for n in missing if n not in case.hyper]:
        wanted, cause = ", ".join(f"`{n}`" for n in missing), f"no case gives what it needs: {', '.join(missing)}"
        advice = f"name a factory function that fills in {wanted}, or give values with {CASES}"
    elif isinstance(error, (TypeError, ValueError)):
        cause = f"its constructor raised {type(error).__name__}"
        advice = f"name a factory function (params, **options) around it, or give cases that fit with {CASES}"
    else:
        raise error  # their own affair, told with their traceback
    raise Failed(f"{type(error).__name__}: {error}; {advice}", case=case.name, cause=cause) from error
