"""What belongs to the caller stays the caller's: gradients, arguments, and memory that is nobody else's."""

from __future__ import annotations

import copy
from typing import Any

import torch

from ....scratch_impls import Case
from ..context import Context, check, gradients, parameters
from ..result import Failed
from .trials import (
    at,
    cases_of,
    clones,
    first_gap,
    groups_of,
    history,
    run,
    snapshot,
    state_of,
    tensors_in,
    unless_by_design,
)


@check("T8")
def inputs_untouched(c: Context) -> None:
    """Gradients, a tensor as learning rate, lists and dicts of the caller are as they were."""
    for case in cases_of(c, every=True):
        with at(case, c.dtypes[0]):
            params = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
            given, names = list(params), {"params": [params[0]]}
            listed = {name: list(v) if isinstance(v, tuple) else v for name, v in case.hyper.items()}
            before = copy.deepcopy(listed)
            optimizer = c.build(given, **case.hyper)
            _gradients(c, optimizer, params)
            if len(given) != len(params) or any(a is not b for a, b in zip(given, params, strict=True)):
                raise Failed(f"the list of parameters that it was given had {len(params)} tensors, and is another now")
            _groups(c, case.hyper, names, params)
            _lists(c, listed, before)
            _tensor_lr(c, case.hyper)


def _gradients(c: Context, optimizer: Any, params: list[torch.nn.Parameter]) -> None:
    for step in range(3):
        gradients(c.seed, step, params)
        kept = [(p.grad, p.grad.clone()) for p in params if p.grad is not None]
        optimizer.step()
        for i, (p, (tensor, values)) in enumerate(zip(params, kept, strict=True)):
            if p.grad is not tensor:
                raise Failed(
                    f"step {step + 1}: p.grad of parameter {i} is another object after the step",
                    cause="p.grad is replaced",
                )
            if not torch.equal(tensor, values):
                k = int((tensor != values).reshape(-1).int().argmax())
                was, now = float(values.reshape(-1)[k]), float(tensor.reshape(-1)[k])
                raise Failed(f"step {step + 1}: p.grad of parameter {i}[{k}] was {was!r} and is {now!r}",
                             cause="p.grad is changed in place")  # fmt: skip


def _groups(c: Context, hyper: Any, own: dict[str, Any], params: list[torch.nn.Parameter]) -> None:
    """torch's base class itself keeps the caller's dict and adds defaults to it, so keys that are new are no fault."""
    lr = groups_of(c.build(clones(params), **hyper))[0].get("lr")
    own = {**own, **({"lr": lr} if isinstance(lr, (int, float)) else {})}
    before, given = dict(own), [own]
    optimizer = c.build(given, **hyper)
    _gradients(c, optimizer, [params[0]])
    if len(given) != 1 or given[0] is not own:
        raise Failed("the list of group dicts that it was given has changed")
    for name, value in before.items():
        now = own.get(name)
        if name == "params":
            same = isinstance(now, (list, tuple)) and len(now) == 1 and now[0] is params[0]
        else:
            same = now == value
        if not same:
            raise Failed(
                f"the group dict that it was given had {name}={_short(value)}, and has {_short(now)} after 3 steps"
            )


def _short(value: Any) -> str:
    return repr(value).replace("\n", " ")[:80]


def _lists(c: Context, given: dict[str, Any], before: dict[str, Any]) -> None:
    """A list where a tuple is usual, such as betas=[0.9, 0.999]; what refuses it is not judged by it."""
    params = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    try:
        optimizer = c.build(params, **given)
        gradients(c.seed, 0, params)
        optimizer.step()
    except (TypeError, ValueError):
        return
    for name, value in before.items():
        if given[name] != value:
            raise Failed(f"the list {name}={value!r} that it was given is {given[name]!r} after a step")


def _tensor_lr(c: Context, hyper: Any) -> None:
    """What refuses a tensor as learning rate is not judged by it."""
    lr = hyper.get("lr", c.subject.options.get("lr"))
    if not isinstance(lr, float):
        return
    params = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    tensor = torch.tensor(lr, dtype=torch.float64)
    before = tensor.clone()
    try:
        optimizer = c.build(params, **{**hyper, "lr": tensor})
        for step in range(3):
            gradients(c.seed, step, params)
            optimizer.step()
    except Exception:
        return
    if not torch.equal(tensor, before):
        raise Failed(f"the tensor that it was given as lr was {float(before)!r} and is {float(tensor)!r} after 3 steps",
                     cause="a tensor learning rate is changed in place")  # fmt: skip


@check("T8")
def no_aliasing(c: Context) -> None:
    """State shares memory with no parameter, gradient or other state, and a gradient tensor may be used again."""
    for case in cases_of(c, every=True):  # a sign or decay makes a new tensor, and hides that p.grad was kept
        with at(case, c.dtypes[0]):
            # Two of one shape: a buffer that is looked up by shape is shared between them.
            start = parameters(c.seed, ((3, 2), (4,), (4,)), c.dtypes[0], c.device)
            rows = history(c.seed, 5, start)
            params = clones(start)
            optimizer = c.build(params, **case.hyper)
            fresh = []
            for step, row in enumerate(rows):
                fresh += run(optimizer, params, [row])
                _overlaps(optimizer, params, step + 1)
            again, buffers = clones(start), [torch.zeros_like(p) for p in start]
            other, reused = c.build(again, **case.hyper), []
            for row in rows:
                for p, buffer, g in zip(again, buffers, row, strict=True):
                    assert g is not None
                    p.grad = buffer.copy_(g)
                other.step()
                reused.append(snapshot(again))
            if told := first_gap(reused, fresh, snapshot(start)):
                raise Failed(f"the same gradients in tensors that are filled anew, and in fresh ones, differ: {told}",
                             cause="it keeps p.grad instead of a copy")  # fmt: skip
            _one_gradient(c, case, start, rows)


def _one_gradient(c: Context, case: Case, start: Any, rows: Any) -> None:
    """Two parameters whose gradient is one tensor, as the derivative of a sum of them is, step as with copies."""
    ends = []
    for shared in (True, False):
        params = clones(start[1:])
        optimizer, found = c.build(params, **case.hyper), []
        for row in rows:
            gradient = row[1].clone()
            params[0].grad, params[1].grad = gradient, gradient if shared else gradient.clone()
            optimizer.step()
            found.append(snapshot(params))
        ends.append(found)
    if told := first_gap(ends[0], ends[1], snapshot(start[1:])):
        raise Failed(f"one gradient tensor of two parameters, and a copy for each, differ: {told}",
                     cause="the gradient is changed in place, or taken for seen")  # fmt: skip


SHIFT = 1000.0  # no step between N(0, 1) is as long


@check("T8")
def outside_changes(c: Context) -> None:
    """A parameter whose values the caller replaces between two steps goes on from there."""
    for case in cases_of(c):
        with at(case, c.dtypes[0]):
            unless_by_design(c, case, _from_there)


def _from_there(c: Context, case: Case) -> None:
    params = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    rows = history(c.seed, 4, params)
    optimizer = c.build(params, **case.hyper)
    run(optimizer, params, rows[:3])
    before = snapshot(params)
    with torch.no_grad():
        for p in params:
            p.add_(SHIFT)
    run(optimizer, params, rows[3:])
    # A rule whose steps grow with the parameter (Adafactor's: by 576) takes some elements further away. Measured over
    # torch.optim and the formulas, the furthest of each parameter ends at 944 or more; from a kept copy, below 10.
    for i, (p, was) in enumerate(zip(params, before, strict=True)):
        left = float((p.detach() - was).abs().max())
        if left < SHIFT / 10:
            raise Failed(f"parameter {i} had {SHIFT:g} added between steps 3 and 4; step 4 left {left:.4g} of it",
                         cause="it steps from a copy of the parameter that it keeps")  # fmt: skip


def _overlaps(optimizer: Any, params: list[torch.nn.Parameter], step: int) -> None:
    taken: list[tuple[int, int, int, str]] = []
    for i, p in enumerate(params):
        taken += [(i, *_range(t), f"parameter {i}{part}") for t, part in ((p, ""), (p.grad, ".grad")) if t is not None]
    for i, p in enumerate(params):
        for name, tensor in tensors_in(state_of(optimizer, p), f"state of parameter {i}: "):
            first, last = _range(tensor)
            for owner, low, high, what in taken:
                # Two names of one parameter's state may be one tensor; anything else that meets is a fault.
                mine = what.startswith("state") and owner == i
                if first < high and low < last and not mine:
                    raise Failed(
                        f"after step {step} {name} shares memory with {what}", cause="state that is not a copy"
                    )
            taken.append((i, first, last, name))


def _range(tensor: torch.Tensor) -> tuple[int, int]:
    """The addresses from the first element to behind the last; empty for what has none."""
    if tensor.layout != torch.strided or not tensor.numel():
        return 0, 0
    reach = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (reach + 1) * tensor.element_size()
