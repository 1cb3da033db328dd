"""State shares memory with no parameter, gradient or other state, and a gradient tensor may be used again.

Bugs: jettify#55 (the first momentum buffer is p.grad itself), pytorch#162359 (parameters of one shape share state).
Memory is compared by address, so that views are seen too; and a run that fills one gradient tensor again and again,
as zero_grad(set_to_none=False) does, must take the steps of a run with fresh tensors. Gradients made with
create_graph=True carry a graph, which no state may keep (vadam#2).
Controls: an optimizer with each of these bugs, and one that steps a shared gradient once.
"""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed
from ..cases import cases_of
from ..differences import run_difference
from ..faults import reported_at
from ..runs import clones, gradient_history, run, snapshot
from ..state import state_tensors
from ._gradients_with_a_graph import judge_graph_is_let_go


@check("T8", place=2, since="0.2")
def no_aliasing(context: Context) -> None:
    for case in cases_of(context, every=True):  # a sign or decay makes a new tensor, and hides that p.grad was kept
        with reported_at(case, context.dtypes[0]):
            # Two of one shape: a buffer that is looked up by shape is shared between them.
            start = parameters(context.seed, ((3, 2), (4,), (4,)), context.dtypes[0], context.device)
            history = gradient_history(context.seed, 5, start)
            params = clones(start)
            optimizer = context.build(params, **case.hyper)
            fresh = []
            for step, row in enumerate(history):
                fresh += run(optimizer, params, [row])
                _judge_overlaps(optimizer, params, step + 1)
            again, buffers = clones(start), [torch.zeros_like(p) for p in start]
            other, reused = context.build(again, **case.hyper), []
            for row in history:
                for p, buffer, g in zip(again, buffers, row, strict=True):
                    assert g is not None
                    if buffer.shape != g.shape:
                        raise Failed(
                            f"a gradient tensor of shape {tuple(g.shape)} has {tuple(buffer.shape)} after a step",
                            cause="p.grad has another shape or format after the step",
                        )
                    p.grad = buffer.copy_(g)
                other.step()
                reused.append(snapshot(again))
            if difference := run_difference(reused, fresh, snapshot(start)):
                raise Failed(
                    f"the same gradients in tensors that are filled anew, and in fresh ones, differ: {difference}",
                    cause="it keeps p.grad instead of a copy",
                )
            _judge_shared_gradient(context, case, start, history)
            if context.asks("0.3") and not context.whole:  # its closure makes the gradients, as it likes
                judge_graph_is_let_go(context, case, start, history)


def _judge_shared_gradient(context: Context, case: Case, start: Any, history: Any) -> None:
    """Two parameters whose gradient is one tensor, as the derivative of a sum of them is, step as with copies."""
    ends = []
    for shared in (True, False):
        params = clones(start[1:])
        optimizer, found = context.build(params, **case.hyper), []
        for row in history:
            gradient = row[1].clone()
            params[0].grad, params[1].grad = gradient, gradient if shared else gradient.clone()
            optimizer.step()
            found.append(snapshot(params))
        ends.append(found)
    if difference := run_difference(ends[0], ends[1], snapshot(start[1:])):
        raise Failed(f"one gradient tensor of two parameters, and a copy for each, differ: {difference}",
                     cause="the gradient is changed in place, or skipped as one that was seen before")  # fmt: skip


def _judge_overlaps(optimizer: Any, params: list[torch.nn.Parameter], step: int) -> None:
    """Failed where an address range of the state meets that of a parameter, a gradient or another's state."""
    taken: list[tuple[int | None, int, int, str]] = []  # whose state it is, from, to, what is there
    for i, p in enumerate(params):
        both = ((p, f"parameter {i}"), (p.grad, f"parameter {i}.grad"))
        taken += [(None, *_address_range(tensor), what) for tensor, what in both if tensor is not None]
    for i, p in enumerate(params):
        for name, tensor in state_tensors(optimizer, p).items():
            this = f"state of parameter {i}: [{name!r}]"
            first, last = _address_range(tensor)
            for owner, low, high, what in taken:
                # Two names of one parameter's state may be one tensor; anything else that meets is a fault.
                if first < high and low < last and owner != i:
                    raise Failed(
                        f"after step {step} {this} shares memory with {what}", cause="state that is not a copy"
                    )
            taken.append((i, first, last, this))


def _address_range(tensor: torch.Tensor) -> tuple[int, int]:
    """The addresses from the first element to behind the last; empty for what has none."""
    # Without elements there is no memory: torch gives the address 0, at which all would meet.
    if tensor.layout != torch.strided or not tensor.numel():
        return 0, 0
    # By its strides and not by its storage: two views of one flat buffer share that, and no element.
    reach = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (reach + 1) * tensor.element_size()
