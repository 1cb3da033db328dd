"""Runs that checks compare: one history of gradients, several optimizers, and when two of them are the same."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from ....scratch_impls import Case, as_shape
from ..context import Context
from ..result import Failed, NotApplicable, NotDeclared

Gradients = Sequence[torch.Tensor | None]
Snapshot = list[torch.Tensor]

# How far apart two right runs of one optimizer on the same numbers may end. Most are equal bit for bit; one that
# gathers parameters in a flat buffer rounds elements at other places of the vector unit differently. 4 roundings of the
# parameter, and 1e-4 of the way that it moved: a cancelling update (the v - m^2 of a centered RMSprop) magnifies the
# roundoff of float32, 6e-8, by 1e3 on N(0, 1) gradients. The faults that these checks are for stand above 1e-2.
PARAM_ROUNDINGS, OF_THE_WAY = 4, 1e-4
# Two implementations of one rule round the parameter anew at every step: each half a unit where it decays and half
# where it moves, so that the two may part by two roundings a step. Measured: right Lions, 4.2 after ten steps.
ROUNDINGS_A_STEP = 2


def cases_of(context: Context, *, every: bool = False) -> list[Case]:
    """The cases to judge, the defaults where none is given; when it must be quick the first and the richest.

    every       all of them in any event: for faults that one option alone shows, known ones among them
    """
    if not context.cases:
        return [Case(name="default", reason="what a user gets who passes nothing")]
    cases = context.cases if every or not context.quick else (context.cases[0], context.richest)
    return list({case.name: case for case in cases}.values())


@contextlib.contextmanager
def at(case: Case | None, dtype: str = "") -> Iterator[None]:
    """Says where a fault was found; an error of the optimizer becomes a fault that names the line."""
    name = case.name if case else ""
    try:
        yield
    except (NotApplicable, NotDeclared):
        raise
    except Failed as fault:
        fault.case, fault.dtype = fault.case or name, fault.dtype or dtype
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno}, in {frame.name})"
        raise Failed(told, case=name, dtype=dtype, cause=f"it raised {type(error).__name__}") from error


def unless_by_design(c: Context, case: Case, judge: Callable[[Context, Case], None]) -> None:
    """Judges the subject; a fault that the reference has as well belongs to the rule, not to who wrote it down."""
    try:
        judge(c, case)
    except Failed as fault:
        reference = c.of_the_reference
        if reference is None:
            raise
        try:
            judge(reference, case)
        except Failed as theirs:
            if theirs.cause == fault.cause:
                said = f"{reference.subject.label}, which it is held against, has it by design: {theirs.message}"
                raise NotApplicable(said) from None
        raise


def history(seed: int, steps: int, params: Sequence[torch.Tensor]) -> list[list[torch.Tensor | None]]:
    """N(0, 1) gradients for every parameter and step."""
    generator = torch.Generator().manual_seed(7919 * seed + 17)
    return [
        [torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.device, p.dtype) for p in params]
        for _ in range(steps)
    ]


def clones(params: Iterable[torch.Tensor]) -> list[torch.nn.Parameter]:
    """The same values in fresh parameters."""
    return [torch.nn.Parameter(p.detach().clone(), requires_grad=p.requires_grad) for p in params]


def snapshot(params: Iterable[torch.Tensor]) -> Snapshot:
    return [p.detach().clone() for p in params]


def run(
    optimizer: Optimizer,
    params: Sequence[torch.Tensor],
    rows: Iterable[Gradients],
    before: Callable[[int], Any] = lambda step: None,
) -> list[Snapshot]:
    """The parameters after each step; every step gets gradient tensors of its own.

    before      called with the number of the step, from 0, once the gradients are there
    """
    found = []
    for step, row in enumerate(rows):
        for p, g in zip(params, row, strict=True):
            p.grad = None if g is None else g.clone()
        before(step)
        optimizer.step()
        found.append(snapshot(params))
    return found


def only(rows: Iterable[Gradients], *index: int) -> list[list[torch.Tensor | None]]:
    """The gradients of some of the parameters."""
    return [[row[i] for i in index] for row in rows]


def gap(ours: torch.Tensor, theirs: torch.Tensor, start: torch.Tensor, roundings: int = PARAM_ROUNDINGS) -> str:
    """Where two results of the same steps differ by more than rounding; "" where they do not."""
    if torch.equal(ours, theirs):
        return ""
    a, b, s = (t.detach().to(torch.float64).reshape(-1) for t in (ours, theirs, start))
    allowed = roundings * torch.finfo(ours.dtype).eps * b.abs().max() + OF_THE_WAY * (b - s).abs().max()
    distance = (a - b).abs()
    # NaN on either side compares false with everything, so it is asked for what is right.
    right = distance <= allowed
    if bool(right.all()):
        return ""
    k = int(torch.where(right, -1.0, distance.nan_to_num(torch.inf)).argmax())
    apart = f"{float(distance[k]):.3g} apart, rounding allows {float(allowed):.3g}"
    return f"[{k}]: {float(a[k]):.9g} against {float(b[k]):.9g}, {apart}"


def first_gap(
    ours: Sequence[Snapshot], theirs: Sequence[Snapshot], start: Snapshot, names: Sequence[int] = (),
    *, one_class: bool = True,
) -> str:  # fmt: skip
    """The first step and parameter at which two runs differ by more than rounding; "" where none does.

    names       the parameters' numbers in the message, where they are not 0, 1, ...
    one_class   both are runs of one implementation, which rounds alike; else what may gather grows with the steps
    """
    for step, (a, b) in enumerate(zip(ours, theirs, strict=True), start=1):
        roundings = PARAM_ROUNDINGS if one_class else max(PARAM_ROUNDINGS, ROUNDINGS_A_STEP * step)
        for i, (x, y, s) in enumerate(zip(a, b, start, strict=True)):
            if told := gap(x, y, s, roundings):
                return f"step {step}, parameter {names[i] if names else i}{told}"
    return ""


def state_of(optimizer: Any, param: torch.Tensor) -> Mapping[str, Any]:
    """The optimizer's state of one parameter, without making any."""
    state = getattr(optimizer, "state", {})
    found: Mapping[str, Any] = state.get(param, {})  # get, for [] on a defaultdict makes one
    return found


def tensors_in(value: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor within dicts, lists and tuples, with its place."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from tensors_in(inner, f"{name}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from tensors_in(inner, f"{name}[{i}]")


def groups_of(optimizer: Any) -> list[dict[str, Any]]:
    groups = getattr(optimizer, "param_groups", None)
    if not groups:
        raise NotApplicable("it has no param_groups")
    return list(groups)


def rate_option(c: Context, hyper: Mapping[str, Any]) -> str:
    """What the constructor calls the groups' learning rate: lr, or learning_rate and the like; "" where it has none."""
    if "lr" in c.subject.options or "lr" in hyper:
        return "lr"
    for name, default in c.subject.options.items():
        if isinstance(default, float) and default:
            group = groups_of(c.build([torch.nn.Parameter(torch.zeros(as_shape((1,), c.dims)))], **hyper))[0]
            with contextlib.suppress(Exception):  # half of it is out of range: then it is no learning rate
                half = {**hyper, name: hyper.get(name, default) / 2}
                other = groups_of(c.build([torch.nn.Parameter(torch.zeros(as_shape((1,), c.dims)))], **half))[0]
                if (group.get("lr"), other.get("lr")) == (hyper.get(name, default), half[name]):
                    return name
    return ""


_OTHER = {"eps": 0.1, "weight_decay": 0.3}  # half of a tiny or absent value would not be seen


def other_value(name: str, value: Any) -> Any:
    """Another value that an option takes where it takes this one: half of it; None for what is no such number."""
    if name in _OTHER:
        return _OTHER[name]
    if isinstance(value, float):
        return value / 2
    numbers = isinstance(value, (tuple, list)) and value and all(isinstance(part, float) for part in value)
    return tuple(part / 2 for part in value) if numbers else None
