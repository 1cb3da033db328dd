"""Gradients, a tensor as learning rate, lists and dicts of the caller are as they were.

Bugs: pytorch#12218 (weight decay is added into p.grad), #126854 (maximize negates p.grad), #51794 (p.grad is zeroed).
All cases, since weight decay, maximize and momentum each write on a path of their own; three steps, since the first
makes the state and the later ones update it. Keys that are new in a group dict are torch's own doing.
Controls: an optimizer with each of these bugs, and one that sets p.grad to None.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from ...context import Context, check, gradients, note, parameters
from ...result import Failed
from ..cases import cases_of
from ..faults import reported_at
from ..runs import clones
from ..state import groups_of


@check("T8", place=1, since="0.2")
def inputs_untouched(context: Context) -> None:
    for case in cases_of(context, every=True):
        with reported_at(case, context.dtypes[0]):
            params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
            given, group = list(params), {"params": [params[0]]}
            listed = {name: list(v) if isinstance(v, tuple) else v for name, v in case.hyper.items()}
            before = copy.deepcopy(listed)
            optimizer = context.build(given, **case.hyper)
            judge_gradients(context, optimizer, params)
            if len(given) != len(params) or any(a is not b for a, b in zip(given, params, strict=True)):
                raise Failed(
                    f"the list of parameters that it was given had {len(params)} tensors, and holds others now"
                )
            _judge_group_dict(context, case.hyper, group, params)
            _judge_lists(context, listed, before)
            _judge_tensor_lr(context, case.hyper)


def judge_gradients(context: Context, optimizer: Any, params: list[torch.nn.Parameter]) -> None:
    for step in range(3):
        gradients(context.seed, step, params)
        # The object as well as its values: a loop that reuses p.grad, or a hook, holds on to the object.
        kept = [(p.grad, p.grad.clone()) for p in params if p.grad is not None]
        optimizer.step()
        for i, (p, (tensor, values)) in enumerate(zip(params, kept, strict=True)):
            if p.grad is not tensor:
                raise Failed(
                    f"step {step + 1}: p.grad of parameter {i} is another object after the step",
                    cause="p.grad is replaced",
                )
            if tensor.shape != values.shape or tensor.dtype != values.dtype:
                raise Failed(
                    f"step {step + 1}: p.grad of parameter {i} had shape {tuple(values.shape)} and {values.dtype}, and "
                    f"has {tuple(tensor.shape)} and {tensor.dtype} after the step",
                    cause="p.grad has another shape or format after the step",
                )
            if not torch.equal(tensor, values):
                k = int((tensor != values).reshape(-1).int().argmax())
                was, now = float(values.reshape(-1)[k]), float(tensor.reshape(-1)[k])
                raise Failed(f"step {step + 1}: p.grad of parameter {i}[{k}] was {was!r} and is {now!r}",
                             cause="p.grad is changed in place")  # fmt: skip


def _judge_group_dict(context: Context, hyper: Any, own: dict[str, Any], params: list[torch.nn.Parameter]) -> None:
    """torch's base class itself keeps the caller's dict and adds defaults to it, so keys that are new are no fault."""
    if context.seen.groups:
        note(f"group dicts are not tried: {context.seen.groups}")
        return
    lr = groups_of(context.build(clones(params), **hyper))[0].get("lr")
    own = {**own, **({"lr": lr} if isinstance(lr, (int, float)) else {})}
    before, given = dict(own), [own]
    optimizer = context.build(given, **hyper)
    judge_gradients(context, optimizer, [params[0]])
    if len(given) != 1 or given[0] is not own:
        raise Failed("the list of group dicts that it was given has changed")
    for name, value in before.items():
        now = own.get(name)
        if name == "params":
            # torch makes a list of a single tensor or a generator: the same tensors are the same argument.
            same = isinstance(now, (list, tuple)) and len(now) == 1 and now[0] is params[0]
        else:
            same = now == value
        if not same:
            raise Failed(
                f"the group dict that it was given had {name}={_short(value)}, and has {_short(now)} after 3 steps"
            )


def _short(value: Any) -> str:
    return repr(value).replace("\n", " ")[:80]


def _judge_lists(context: Context, given: dict[str, Any], before: dict[str, Any]) -> None:
    """A list where a tuple is usual, such as betas=[0.9, 0.999]; what refuses it is not judged by it."""
    params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    try:
        optimizer = context.build(params, **given)
        gradients(context.seed, 0, params)
        optimizer.step()
    except (TypeError, ValueError):  # a list is refused aloud: nobody is misled
        return
    for name, value in before.items():
        if given[name] != value:
            raise Failed(f"the list {name}={value!r} that it was given is {given[name]!r} after a step")


def _judge_tensor_lr(context: Context, hyper: Any) -> None:
    """What refuses a tensor as learning rate is not judged by it."""
    lr = hyper.get("lr", context.subject.options.get("lr"))
    if not isinstance(lr, float):
        return
    params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    tensor = torch.tensor(lr, dtype=torch.float64)
    before = tensor.clone()
    try:
        optimizer = context.build(params, **{**hyper, "lr": tensor})
        for step in range(3):
            gradients(context.seed, step, params)
            optimizer.step()
    except Exception:  # whether it may refuse one is for tensor-lr to say, where that is declared
        return
    if not torch.equal(tensor, before):
        raise Failed(f"the tensor that it was given as lr was {float(before)!r} and is {float(tensor)!r} after 3 steps",
                     cause="a tensor learning rate is changed in place")  # fmt: skip
