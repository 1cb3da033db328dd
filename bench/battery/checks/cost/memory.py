"""State takes no more bytes an element than the reference's, and nothing that is held grows step by step.

Bugs: pytorch#3139 (gradients are kept in a list), #50636 (a cache grows), #97712 (a step makes many temporaries).
Compared after step 2, when all state is made, and step 20. Every storage that an operator returns is followed, so
that tensors in attributes or held by autograd are seen as well as state.
Controls: an optimizer with each of these bugs, and one with twelve tensors of state where one is needed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .....scratch_impls import Case
from ...context import Context, check, gradients, parameters
from ...result import Failed
from ..cases import best_dtype, first_and_richest
from ..state import named_state

ELEMENTS = 4096


CONSTANT = 64  # bytes a parameter: step counts and the like, which do not grow with it


# Copies of the parameter that a step may make at once. Formulas that never work in place were measured to make 2 to 8
# of one parameter, torch's for-loop and foreach 1 to 3. A line search, which holds a bracket of gradients and has a
# closure evaluated, was measured to make 17.
TEMPORARIES = 16


@check("T14", place=1)
def memory(context: Context) -> None:
    # Of a step that is many, four; and in the format in which rounding does not decide how many.
    dtype, last = (best_dtype(context), 4) if context.whole else (context.dtypes[0], 20)
    for case in first_and_richest(context):
        held, grown, peak, kept = _bytes(context, context.subject.make, case, dtype, last)
        theirs = _bytes(context, context.against.make, case, dtype, last)[0] if context.against else held
        early, late = held[2], held[last]
        # Pairs are remembered up to a number that a short run does not reach: no more than the reference remembers.
        # How many iterations a tolerance takes is for rounding to decide: a tenth more or less was measured.
        remembered = 1.5 * (theirs[last] - theirs[2]) if context.whole else 0
        if late > early + remembered + CONSTANT:
            message = f"the state of {ELEMENTS} elements grows from {early} bytes after step 2 to {late} after {last}"
            raise Failed(message, case=case.name, dtype=dtype, cause="a list in the state that is never emptied")
        if grown > 10 * CONSTANT + remembered:
            beyond = f"still held after step {last}, beyond what state is held"
            message = f"{grown} bytes made in steps 3 to {last} are {beyond}"
            raise Failed(message, case=case.name, dtype=dtype, cause="tensors are kept by an attribute or by autograd")
        if kept:
            message = f"the gradient of step {last} is still held once p.grad is None"
            raise Failed(message, case=case.name, dtype=dtype, cause="zero_grad() frees no memory: gradients are kept")
        if context.against is not None:
            if late > theirs[last] * (1.5 if context.whole else 1) + CONSTANT:
                a, b = late / ELEMENTS, theirs[last] / ELEMENTS
                message = f"{a:.3g} bytes of state an element; {context.against.label} has {b:.3g}"
                raise Failed(message, case=case.name, dtype=dtype)
            copies = peak / (ELEMENTS * getattr(torch, dtype).itemsize)
            if copies > TEMPORARIES * (2 if context.whole else 1):
                message = f"a step makes temporary tensors of {copies:.3g} times the parameter's size at once"
                raise Failed(message, case=case.name, dtype=dtype)


def _bytes(context: Context, make: Any, case: Case, dtype: str, last: int) -> tuple[dict[int, int], int, int, bool]:
    """Bytes of state after each step, those made after step 2 that live on replacing none, and a step's temporaries.

    Last, whether the gradient lives on when its parameter has it no more.
    """
    params = parameters(context.seed, ((ELEMENTS,),), dtype, context.device)
    optimizer = make(params, **case.hyper)
    gradients(context.seed, 0, params)
    assert params[0].grad is not None
    gradient = StorageWeakRef(params[0].grad.untyped_storage())
    held, alive = {}, {}
    with _StorageTracker() as made:
        for step in range(1, last + 1):
            optimizer.step()
            if step in (2, last):
                held[step], alive[step] = _state_bytes(optimizer, params), made.alive()
            if step == 2:
                made.peak = 0
    params[0].grad = None
    return held, alive[last] - alive[2], made.peak - alive[last], not gradient.expired()


def _state_bytes(optimizer: Any, params: list[torch.nn.Parameter]) -> int:
    tensors = [v for v in named_state(optimizer, params).values() if isinstance(v, torch.Tensor)]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors if not t.is_sparse}
    return sum(storages.values())


class _StorageTracker(TorchDispatchMode):
    """Knows every storage that an operator returned, without keeping it alive.

    held    bytes of those that were alive when all were last looked at, and of what was made since
    """

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = self.held = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided:
                storage = tensor.untyped_storage()
                _, before = self.storages.get(storage._cdata, (None, 0))
                self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
                self.held += storage.nbytes() - before
        if self.held > self.peak:  # else no look at all of them could find a higher one
            self.peak = max(self.peak, self.alive())
        return result

    def alive(self) -> int:
        self.storages = {k: v for k, v in self.storages.items() if not v[0].expired()}
        self.held = sum(size for _, size in self.storages.values())
        return self.held
