"""A parameter of an unusual shape or memory layout, which must step as a plain copy with the same values does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import as_shape
from ...context import Context, fitted, gradients, not_by_design, note
from ...result import Failed
from ..cases import best_dtype, first_and_richest
from ..differences import tolerance, values_difference
from ..runs import Params, clones
from ._rounding_sensitivity import distance, rounding_explains

STEPS = 3

Shape = tuple[int, ...]
Layout = Callable[[torch.Tensor], torch.Tensor]  # equal values, laid out otherwise


def contiguous(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous()


def judge_layout(
    context: Context, name: str, shape: Shape, layout: Layout, grad_layout: Layout, plain_shape: Shape
) -> None:
    dtype = best_dtype(context)
    if context.dims not in (None, len(shape)):
        return  # such parameters are not for this rule
    not_by_design(context, "stochastic")  # numbers are drawn in the order of memory
    if context.shapes and shape not in context.shapes:
        return
    if why := context.seen.why_shape(shape) if context.seen.small else "":
        note(f"it refuses the shape {shape}: {why}")
        return
    for case in first_and_richest(context):
        # Beside an ordinary one, as in a model. The shape is this one, whatever is judged elsewhere.
        start = [_normal(context, number, each, dtype) for number, each in enumerate((shape, fitted((3,))))]
        # Detached: laid out anew a parameter would be a view with a graph, and no leaf.
        view = layout(start[0].detach().clone())
        odd: Params = [torch.nn.Parameter(view), start[1]]
        plain: Params = [
            torch.nn.Parameter(start[0].detach().clone().reshape(_taken(context, plain_shape, shape))),
            clones(start)[1],
        ]
        storage, holes = odd[0].detach().untyped_storage().data_ptr(), _holes(view)
        where = {"case": case.name, "dtype": dtype}
        begin, history = clones(plain), list[list[torch.Tensor]]()
        make: Callable[[Params], Optimizer] = functools.partial(_build, context, dict(case.hyper))
        optimizers = make(odd), make(plain)
        for step in range(STEPS):
            gradients(context.seed, step, plain)
            given, beside = (p.grad.clone() for p in plain if p.grad is not None)  # before a step that may change them
            history.append([given.clone(), beside.clone()])
            optimizers[1].step()
            odd[0].grad, odd[1].grad = grad_layout(given.reshape(shape)), beside
            try:
                optimizers[0].step()
            except Exception as error:
                raise Failed(f"{name} parameter, step {step + 1}: {type(error).__name__}: {error}", **where) from error
            if fault := _unequal_step(name, step, odd, plain, where):
                if not rounding_explains(make, begin, history, distance(odd, plain)):
                    raise fault
                # From here on the two go from different places, and where rounding decides, different ways.
                break
        # In place and nowhere else: tied weights and flat buffers are other views of this storage.
        if odd[0].shape != shape or odd[0].stride() != view.stride() or odd[0].untyped_storage().data_ptr() != storage:
            raise Failed(f"{name}: the parameter was laid out anew instead of changed in place", **where)
        if not torch.equal(_holes(view), holes):
            raise Failed(f"{name}: the step wrote into memory between the parameter's elements", **where)


def _taken(context: Context, plain: Shape, shape: Shape) -> Shape:
    """The shape of the plain copy; the shape itself where that of the copy is refused."""
    refused = context.seen.small and context.seen.why_shape(plain)
    return shape if refused else as_shape(plain, context.dims)


def _normal(context: Context, number: int, shape: Shape, dtype: str) -> torch.nn.Parameter:
    generator = torch.Generator().manual_seed(2 * context.seed + number)
    value = torch.randn(shape, generator=generator, dtype=torch.float64)
    return torch.nn.Parameter(value.to(context.device, getattr(torch, dtype)))


def _build(context: Context, hyper: dict[str, Any], params: Params) -> Optimizer:
    return context.build(params, **hyper)


def _unequal_step(name: str, step: int, odd: Params, plain: Params, where: dict[str, str]) -> Failed | None:
    for i in (0, 1):
        ours, theirs = ({f"p{i}.param": side[i].detach().reshape(-1)} for side in (odd, plain))
        # Vector and trailing elements of a kernel may round differently; see the measured tolerance.
        if difference := values_difference(ours, theirs, tolerance(where["dtype"])):
            who = "of the parameter" if i == 0 else "of the ordinary parameter beside it"
            cause = "elements are taken in the order of memory instead of by index" if i == 0 else ""
            message = f"{name} {who}, step {step + 1}, against its plain copy: {difference}"
            return Failed(message, cause=cause, **where)
    return None


def _holes(view: torch.Tensor) -> torch.Tensor:
    """What lies in the storage between the elements of a strided vector."""
    whole = torch.empty(0, dtype=view.dtype, device=view.device).set_(view.untyped_storage())
    return whole[1::2].clone() if view.dim() == 1 and view.stride() == (2,) else whole[:0].clone()
