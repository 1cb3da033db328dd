"""Equal or not: values of parameters and state, and the first element in which two runs differ. No checks here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from ....scratch_impls import Case
from ..context import Context, parameters, walk
from ..result import Failed, NotApplicable

Params = list[torch.nn.Parameter]
Values = dict[str, Any]

# Two right evaluations of the same steps: measured 1.8e-15 (float64) and 1.2e-7 (float32) apart over 100-1000 steps on
# equal gradients, while a wrong element or a forgotten state is off by the length of a step. These stand between.
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}


def best_dtype(context: Context) -> str:
    """float64 where it is judged, since there the tolerance is furthest from every mistake."""
    return "float64" if "float64" in context.dtypes else context.dtypes[0]


def tolerance(dtype: str) -> float:
    return TOLERANCE.get(dtype, 0.05)  # of the narrow formats only what is grossly wrong can be told by values


def some_cases(context: Context) -> list[Case]:
    """All cases; the richest and the defaults when quick."""
    return two_cases(context) if context.quick else list(context.cases)


def two_cases(context: Context) -> list[Case]:
    """The defaults and the richest, once if they are one."""
    return list({case.name: case for case in (context.cases[0], context.richest)}.values())


def leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every tensor and value inside, however deep, with its place."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{name}.{i}")
    else:
        yield name, value


def state_leaves(optimizer: Optimizer, params: Params) -> Values:
    """p0.exp_avg and so on: the live state, not copies."""
    return {k: v for i, p in enumerate(params) for k, v in leaves(optimizer.state.get(p, {}), f"p{i}")}


def values(optimizer: Optimizer, params: Params) -> Values:
    """Copies of all parameters, then of all state."""
    live = {**{f"p{i}.param": p.detach() for i, p in enumerate(params)}, **state_leaves(optimizer, params)}
    return copied(live)


def copied(live: Mapping[str, Any]) -> Values:
    return {name: v.detach().clone() if isinstance(v, torch.Tensor) else v for name, v in live.items()}


def clones(params: Params) -> Params:
    return [torch.nn.Parameter(p.detach().clone()) for p in params]


def go(optimizer: Optimizer, params: Params, steps: range, seed: int) -> None:
    """`walk` with the global generator seeded, so that a rule that draws random numbers can be judged too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + steps.start)
        walk(optimizer, params, steps, seed)


def started(context: Context, case: Case, dtype: str, steps: int) -> tuple[Optimizer, Params]:
    """The subject after that many steps."""
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer = context.build(params, **case.hyper)
    go(optimizer, params, range(steps), context.seed)
    return optimizer, params


def difference(ours: Values, theirs: Values, allowed: float = 0.0) -> str:
    """The first place where ours is not theirs, with both values; "" where there is none. NaN equals nothing.

    allowed     |ours - theirs| may be this times (1 + |theirs|)
    """
    for name in [*theirs, *(n for n in ours if n not in theirs)]:
        if name not in ours or name not in theirs:
            return f"{name} is missing" if name not in ours else f"{name} should not be there"
        a, b = ours[name], theirs[name]
        if not (_number(a) and _number(b)):
            if type(a) is not type(b) or a != b:
                return f"{name} is {a!r} instead of {b!r}"
            continue
        a, b = _wide(a), _wide(b)
        if a.shape != b.shape:
            return f"{name} has shape {tuple(a.shape)} instead of {tuple(b.shape)}"
        off = torch.nonzero(~((a == b) | ((a - b).abs() <= allowed * (1 + b.abs()))).reshape(-1))
        if len(off):
            k = int(off[0])
            return f"{name}[{k}] is {a.reshape(-1)[k].item()!r} instead of {b.reshape(-1)[k].item()!r}"
    return ""


def _number(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, int, float)) and not isinstance(value, bool)


def _wide(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        return torch.tensor(value, dtype=torch.float64)  # a Python number would become a float32 first
    tensor = value.detach().cpu()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    return torch.view_as_real(tensor.resolve_conj()).double() if tensor.is_complex() else tensor.double()


def same(
    ours: Values, theirs: Values, what: str, *, case: Case, dtype: str, allowed: float = 0.0, cause: str = ""
) -> None:
    """Failed, with `what` in front of the first difference."""
    found = difference(ours, theirs, allowed)
    if found:
        raise Failed(f"{what}: {found}", case=case.name, dtype=dtype, cause=cause)


REFUSALS = (RuntimeError, TypeError, ValueError, NotImplementedError)


@contextlib.contextmanager
def refusal(context: Context, ability: str, attempt: Callable[[Any], Any]) -> Iterator[None]:
    """What is inside may refuse with an error; that is a fault unless the reference refuses too.

    torch's own classes are judged on every ability without anybody having declared it, so they may refuse as well.

    attempt     factory -> anything; tries the same on the reference
    """
    try:
        yield
    except REFUSALS as error:
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        if getattr(context.subject.cls, "__module__", "").startswith("torch.optim"):
            raise NotApplicable(f"refuses {ability}: {said}") from None
        if context.against is not None:
            try:
                attempt(context.against.make)
            except REFUSALS:
                raise NotApplicable(f"refuses {ability}, as {context.against.label} does: {said}") from None
        raise Failed(f"{ability} is declared, and refused: {said}") from None
