"""State takes no more bytes an element than the reference's, and nothing that is held grows step by step.

Bugs: pytorch#3139 (gradients are kept in a list), #50636 (a cache grows), #97712 (a step makes many temporaries).
Compared after step 2, when all state is made, and step 20. Every storage that an operator returns is followed, so
that tensors in attributes or held by autograd are seen as well as state.
Controls: an optimizer with each of these bugs, and one with twelve tensors of state where one is needed.
"""

from __future__ import annotations

import dataclasses
import math
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


@check("T14", place=1, since="0.2")
def memory(context: Context) -> None:
    # Of a step that is many, four; and in the format in which rounding does not decide how many.
    dtype, last = (best_dtype(context), 4) if context.whole else (context.dtypes[0], 20)
    for case in first_and_richest(context):
        where = {"case": case.name, "dtype": dtype}
        ours = _measured(context, context.subject.make, case, dtype, last)
        theirs = _measured(context, context.against.make, case, dtype, last) if context.against else ours
        _judge_growth(context, ours, theirs, last, where)
        if context.against is not None:
            _judge_size(context, context.against.label, ours, theirs, where)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Memory:
    """What one run held, in bytes.

    early, late     of state after step 2 and after the last
    grown           of what was made after step 2, lives on after the last, and replaced nothing
    temporaries     of what the steps after step 2 had at once beside what lives on
    keeps_gradient  the gradient lives on when its parameter has it no more
    """

    early: int
    late: int
    grown: int
    temporaries: int
    keeps_gradient: bool


def _judge_growth(context: Context, ours: _Memory, theirs: _Memory, last: int, where: dict[str, str]) -> None:
    # Pairs are remembered up to a number that a short run does not reach: no more than the reference remembers.
    # How many iterations a tolerance takes is for rounding to decide: a tenth more or less was measured.
    remembered = 1.5 * (theirs.late - theirs.early) if context.whole else 0
    if ours.late > ours.early + remembered + CONSTANT:
        raise Failed(
            f"the state of {_elements(context)} elements grows from {ours.early} bytes after step 2 to {ours.late} "
            f"after {last}",
            cause="a list in the state that is never emptied",
            **where,
        )
    if ours.grown > 10 * CONSTANT + remembered:
        raise Failed(
            f"{ours.grown} bytes made in steps 3 to {last} are still held after step {last}, beyond what state is held",
            cause="tensors are kept by an attribute or by autograd",
            **where,
        )
    if ours.keeps_gradient:
        raise Failed(
            f"the gradient of step {last} is still held once p.grad is None",
            cause="zero_grad() frees no memory: gradients are kept",
            **where,
        )


def _judge_size(context: Context, label: str, ours: _Memory, theirs: _Memory, where: dict[str, str]) -> None:
    if ours.late > theirs.late * (1.5 if context.whole else 1) + CONSTANT:
        a, b = (side.late / _elements(context) for side in (ours, theirs))
        raise Failed(f"{a:.3g} bytes of state an element; {label} has {b:.3g}", **where)
    copies = ours.temporaries / (_elements(context) * getattr(torch, where["dtype"]).itemsize)
    if copies > TEMPORARIES * (2 if context.whole else 1):
        raise Failed(f"a step makes temporary tensors of {copies:.3g} times the parameter's size at once", **where)


def _measured(context: Context, make: Any, case: Case, dtype: str, last: int) -> _Memory:
    params = parameters(context.seed, (_shape(context),), dtype, context.device)
    optimizer = make(params, **case.hyper)
    gradients(context.seed, 0, params)
    assert params[0].grad is not None
    gradient = StorageWeakRef(params[0].grad.untyped_storage())
    state, alive = {}, {}
    with _StorageTracker() as tracker:
        tracker.know(params[0].detach())  # its first change in place may come late, and is nothing new
        for step in range(1, last + 1):
            optimizer.step()
            if step in (2, last):
                state[step], alive[step] = _state_bytes(optimizer, params), tracker.alive()
            if step == 2:
                tracker.peak = 0  # what the first steps make once, such as state, is no temporary
    # What zero_grad() does by default since torch 2.0: then nobody but the optimizer could hold it.
    params[0].grad = None
    return _Memory(
        early=state[2], late=state[last], grown=alive[last] - alive[2], temporaries=tracker.peak - alive[last],
        keeps_gradient=not gradient.expired(),
    )  # fmt: skip


def _shape(context: Context) -> tuple[int, ...]:
    """One of many elements: of the shapes that were given the largest."""
    return max(context.shapes, key=math.prod, default=(ELEMENTS,))


def _elements(context: Context) -> int:
    return math.prod(context.seen.fit(_shape(context)))


def _state_bytes(optimizer: Any, params: list[torch.nn.Parameter]) -> int:
    tensors = [v for v in named_state(optimizer, params).values() if isinstance(v, torch.Tensor)]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors if not t.is_sparse}
    return sum(storages.values())


class _StorageTracker(TorchDispatchMode):
    """Knows every storage that an operator returned, without keeping it alive.

    A profiler of memory counts allocations of the process; these are of the step alone, to the byte.

    bytes_seen  of those that were alive when all were last looked at, and of what was made since
    """

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = self.bytes_seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Below autograd, where every operator passes, those of foreach and fused kernels as well.
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            # A sparse tensor has no storage to ask for.
            if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided:
                storage = tensor.untyped_storage()
                # By the storage's own address, which a weak reference keeps from being used again; its memory's is.
                _, before = self.storages.get(storage._cdata, (None, 0))
                self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
                self.bytes_seen += storage.nbytes() - before
        if self.bytes_seen > self.peak:  # else no look at all of them could find a higher one
            self.peak = max(self.peak, self.alive())
        return result

    def know(self, tensor: torch.Tensor) -> None:
        """Counts a storage as there from the start."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self.storages:
            self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
            self.bytes_seen += storage.nbytes()

    def alive(self) -> int:
        # Expired ones go, or the table would grow with every operator.
        self.storages = {k: v for k, v in self.storages.items() if not v[0].expired()}
        self.bytes_seen = sum(size for _, size in self.storages.values())
        return self.bytes_seen
