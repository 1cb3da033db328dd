"""Tensors that are not the usual ones: odd shapes and strides; values and abilities follow in their own modules."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ...compare.scenario import probe
from ...speed.shapes import fitted
from .agreement import judge
from ..context import Context, check, gradients, parameters
from .equal import Params, best_dtype, clones, difference, same, tolerance, two_cases
from ..result import Failed

STEPS = 3
Layout = Callable[[torch.Tensor], torch.Tensor]  # equal values, laid out otherwise


def _strided(x: torch.Tensor) -> torch.Tensor:
    """Every other element of a storage twice as large."""
    wide = torch.full((*x.shape[:-1], 2 * x.shape[-1]), 7.0, dtype=x.dtype, device=x.device)
    return wide[..., ::2].copy_(x)


def _transposed(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(0, -1).contiguous().transpose(0, -1)


def _offset(x: torch.Tensor) -> torch.Tensor:
    """One element into its storage, so that no vector load is aligned."""
    return torch.cat([torch.zeros(1, dtype=x.dtype, device=x.device), x.reshape(-1)])[1:].view(x.shape)


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _plain(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous()


Shape = tuple[int, ...]
# name -> (shape, layout of the parameter, layout of the gradient, shape of the plain copy)
SHAPES: dict[str, tuple[Shape, Layout, Layout, Shape]] = {
    "0-dimensional": ((), _plain, _plain, (1,)),
    "one-element": ((1,), _plain, _plain, ()),
    "empty": ((0,), _plain, _plain, (0,)),
    "empty matrix": ((3, 0), _plain, _plain, (3, 0)),
    "1027 elements, unaligned": ((1027,), _offset, _offset, (1027,)),
}
STRIDES: dict[str, tuple[Shape, Layout, Layout, Shape]] = {
    "transposed": ((5, 4), _transposed, _transposed, (5, 4)),
    "transposed, its gradient contiguous": ((5, 4), _transposed, _plain, (5, 4)),
    "contiguous, its gradient transposed": ((5, 4), _plain, _transposed, (5, 4)),
    "strided": ((20,), _strided, _plain, (20,)),
    "contiguous, its gradient strided": ((20,), _plain, _strided, (20,)),
    "channels-last": ((2, 3, 4, 4), _channels_last, _channels_last, (2, 3, 4, 4)),
}
REFERRED: tuple[Shape, ...] = ((1027,), (2, 3, 4), (2, 3, 2, 2), (1, 2, 1, 3, 2))
# Where an element of a matrix has a part in another's step, square, tall and wide ones may each go a way of their own.
MATRICES: tuple[Shape, ...] = ((4, 4), (5, 3), (3, 5))


@check("T12")
def shapes(context: Context) -> None:
    """0-dimensional, one-element, empty and unaligned parameters step as plain copies of them, element for element."""
    for name, layout in SHAPES.items():
        _judge_layout(context, name, *layout)
    # Plain copies share a fault in the elements behind the last full vector, or of all that have as many dimensions;
    # only the reference tells of it.
    together = not context.whole and (context.spec is None or not context.spec.elementwise)
    referred = REFERRED + MATRICES if together else REFERRED
    for case in two_cases(context) if context.against is not None else ():
        judge(context, case, probe(context.seed, steps=STEPS, shapes=referred), context.dtypes[0])


@check("T12")
def strides(context: Context) -> None:
    """Parameters and gradients that are not contiguous step as contiguous copies, in place and nowhere else."""
    for name, layout in STRIDES.items():
        _judge_layout(context, name, *layout)
    _judge_expanded(context)


def _judge_layout(
    context: Context, name: str, shape: Shape, layout: Layout, grad_layout: Layout, plain_shape: Shape
) -> None:
    dtype = best_dtype(context)
    if context.dims not in (None, len(shape)):
        return  # such parameters are not for this rule
    for case in two_cases(context):
        start = parameters(context.seed, (shape, (3,)), dtype, context.device)  # beside an ordinary one, as in a model
        view = layout(start[0].detach().clone())
        odd: Params = [torch.nn.Parameter(view), start[1]]
        plain: Params = [
            torch.nn.Parameter(start[0].detach().clone().reshape(fitted(plain_shape, context.dims))),
            clones(start)[1],
        ]
        storage, holes = odd[0].detach().untyped_storage().data_ptr(), _holes(view)
        where = {"case": case.name, "dtype": dtype}
        one, other = context.build(odd, **case.hyper), context.build(plain, **case.hyper)
        for step in range(STEPS):
            gradients(context.seed, step, plain)
            given, beside = (p.grad.clone() for p in plain if p.grad is not None)  # before a step that may change them
            other.step()
            odd[0].grad, odd[1].grad = grad_layout(given.reshape(shape)), beside
            try:
                one.step()
            except Exception as error:
                raise Failed(f"{name} parameter, step {step + 1}: {type(error).__name__}: {error}", **where) from error
            for i in (0, 1):
                ours, theirs = ({f"p{i}.param": q[i].detach().reshape(-1)} for q in (odd, plain))
                # Vector and trailing elements of a kernel may round differently; see the measured tolerance.
                found = difference(ours, theirs, tolerance(dtype))
                if found:
                    who = "of the parameter" if i == 0 else "of the ordinary parameter beside it"
                    cause = "elements are taken in the order of memory instead of by index" if i == 0 else ""
                    message = f"{name} {who}, step {step + 1}, against its plain copy: {found}"
                    raise Failed(message, cause=cause, **where)
        if odd[0].shape != shape or odd[0].stride() != view.stride() or odd[0].untyped_storage().data_ptr() != storage:
            raise Failed(f"{name}: the parameter was laid out anew instead of changed in place", **where)
        if not torch.equal(_holes(view), holes):
            raise Failed(f"{name}: the step wrote into memory between the parameter's elements", **where)


def _holes(view: torch.Tensor) -> torch.Tensor:
    """What lies in the storage between the elements of a strided vector."""
    whole = torch.empty(0, dtype=view.dtype, device=view.device).set_(view.untyped_storage())
    return whole[1::2].clone() if view.dim() == 1 and view.stride() == (2,) else whole[:0].clone()


def _judge_expanded(context: Context) -> None:
    """A gradient with stride 0, as the derivative of a sum has; its storage is large enough to be misread safely."""
    dtype, case = best_dtype(context), context.richest
    shape = fitted((20,), context.dims)
    sides = []
    narrow = torch.ones((1,) * len(shape), dtype=getattr(torch, dtype), device=context.device).expand(shape)
    for gradient in (narrow, narrow.contiguous()):
        params = parameters(context.seed, ((20,),), dtype, context.device)
        optimizer = context.build(params, **case.hyper)
        params[0].grad = gradient
        optimizer.step()
        sides.append({"p0.param": params[0].detach()})
    cause = "elements are taken in the order of memory instead of by index"
    same(sides[0], sides[1], "expanded gradient, step 1", case=case, dtype=dtype, allowed=tolerance(dtype), cause=cause)


# The report follows the order of registration: what must be declared comes last.
# ruff: isort: off
from . import extents  # noqa: E402
from . import special  # noqa: E402
from . import narrow  # noqa: E402
from . import declared  # noqa: E402

_ = (extents, special, narrow, declared)
