"""Parameters and gradients that are not contiguous step as contiguous copies, in place and nowhere else.

Bugs: pytorch#59998 (p.view(-1) raises), TransformerEngine#3207 (p.reshape(-1) is a copy, and the copy steps). The
parameter must keep its storage, since tied weights and flat buffers are views of it, and what lies between its
elements must stay.
Controls: an optimizer with each of these, one that reads gradients in the order of memory, one that replaces p.data.
"""

from __future__ import annotations

import functools
import math

import torch

from ...context import Context, check, fitted, not_by_design, parameters
from ...result import Failed
from ..cases import best_dtype
from ..differences import tolerance, values_difference
from ..runs import clones
from ._memory_layout import Layout, Shape, contiguous, judge_layout
from ._rounding_sensitivity import distance, rounding_explains


def _strided(x: torch.Tensor) -> torch.Tensor:
    """Every other element of a storage twice as large."""
    # 7.0 between the elements, so that a step which reads or writes there is seen.
    wide = torch.full((*x.shape[:-1], 2 * x.shape[-1]), 7.0, dtype=x.dtype, device=x.device)
    return wide[..., ::2].copy_(x)


def _transposed(x: torch.Tensor) -> torch.Tensor:
    # There and back: the same values at the same indices, in another order of memory.
    return x.transpose(0, -1).contiguous().transpose(0, -1)


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)


# A weight tied to a transpose, a slice of a flat buffer, and the memory format that vision models train in; gradients
# as autograd leaves them, which need not have the layout of their parameter.
STRIDES: dict[str, tuple[Shape, Layout, Layout, Shape]] = {
    "transposed": ((5, 4), _transposed, _transposed, (5, 4)),
    "transposed, its gradient contiguous": ((5, 4), _transposed, contiguous, (5, 4)),
    "contiguous, its gradient transposed": ((5, 4), contiguous, _transposed, (5, 4)),
    "strided": ((20,), _strided, contiguous, (20,)),
    "contiguous, its gradient strided": ((20,), contiguous, _strided, (20,)),
    "channels-last": ((2, 3, 4, 4), _channels_last, _channels_last, (2, 3, 4, 4)),
}


@check("T12", place=2, since="0.2")
def strides(context: Context) -> None:
    for name, layout in STRIDES.items():
        judge_layout(context, name, *layout)
    _judge_expanded(context)


def _judge_expanded(context: Context) -> None:
    """A gradient with stride 0, as the derivative of a sum has: one number in memory for all elements.

    Behind it lies as much memory as it has elements, so that a step which reads that instead reads another number and
    not beyond the end.
    """
    dtype, case = best_dtype(context), context.richest
    not_by_design(context, "stochastic")
    shape = fitted((20,))
    sides, begin = [], parameters(context.seed, ((20,),), dtype, context.device)
    memory = torch.full((math.prod(shape),), 7.0, dtype=getattr(torch, dtype), device=context.device)
    memory[0] = 1.0
    narrow = memory.as_strided(shape, (0,) * len(shape))
    for gradient in (narrow, narrow.contiguous()):
        params = clones(begin)
        optimizer = context.build(params, **case.hyper)
        params[0].grad = gradient
        optimizer.step()
        sides.append({"p0.param": params[0].detach()})
    difference = values_difference(sides[0], sides[1], tolerance(dtype))
    make = functools.partial(context.build, **case.hyper)
    given, apart = [[narrow.contiguous()]], distance(*(list(side.values()) for side in sides))
    if difference and not rounding_explains(make, begin, given, apart):
        cause = "elements are taken in the order of memory instead of by index"
        raise Failed(f"expanded gradient, step 1: {difference}", case=case.name, dtype=dtype, cause=cause)
