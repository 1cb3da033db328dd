"""State shares memory with no parameter, gradient or other state, and a gradient tensor may be used again."""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed
from ..trials import at, cases_of, clones, first_gap, history, run, snapshot, state_of, tensors_in


@check("T8", place=2)
def no_aliasing(c: Context) -> None:
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
