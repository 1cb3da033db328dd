"""What a step of an optimizer needs, and classes of every kind made to step by p.grad and step() alone.

Comparisons hand both sides the same gradients in p.grad. Some optimizers cannot be driven so: one takes sparse
gradients only, another evaluates the loss itself. A subclass that turns p.grad into what they need stands in for them.
"""

from __future__ import annotations

import enum
import functools
from typing import Any

import torch
from torch.optim import Optimizer

from .local_model import asks_for_closure, closure_from_gradients

# torch's classes that raise for a dense gradient. Nothing in their signatures says so.
_SPARSE_ONLY = ("SparseAdam",)


class Drive(enum.Enum):
    """What one step needs."""

    DENSE = "a dense gradient in p.grad"
    ROWS = "a sparse gradient in p.grad; it refuses dense ones"
    CLOSURE = "a closure, with which it evaluates the loss itself"


def drive_of(cls: Any) -> Drive:
    """What a step needs, as far as the class says it: that a stranger's refuses dense gradients, only a trial tells."""
    if isinstance(cls, type) and (hasattr(cls, "by_rows") or _is_sparse_only(cls)):
        return Drive.ROWS
    return Drive.CLOSURE if asks_for_closure(cls) else Drive.DENSE


def _is_sparse_only(cls: type) -> bool:
    return cls.__name__ in _SPARSE_ONLY and cls is getattr(torch.optim, cls.__name__)


def driven_by_grad(make: Any, drive: Drive | None = None) -> Any:
    """A class, or a partial of one, that steps by dense gradients in p.grad; what does so by itself, as it is.

    What refuses dense gradients receives them as sparse ones with every row, and what asks for a closure the one that
    the gradients stand for. A factory function stays as it is: its class is known only once it has made one.

    drive   what a step needs, where it is known better than the class says it
    """
    if isinstance(make, functools.partial):
        return functools.partial(driven_by_grad(make.func, drive), *make.args, **make.keywords)
    if not isinstance(make, type):
        return make
    drive = drive or drive_of(make)
    if drive is Drive.ROWS and not hasattr(make, "by_rows"):
        return _with_sparse_rows(make)
    if drive is Drive.CLOSURE and not hasattr(make, "by_gradients"):
        return closure_from_gradients(make)
    return make


@functools.cache
def _with_sparse_rows(cls: type[Optimizer]) -> type[Optimizer]:
    """The class, whose step refuses dense gradients, given each as a sparse one that has every row."""
    inner: Any = cls.step
    # Optimizer._patch_step_function replaces `step` on the class itself.
    if getattr(inner, "hooked", False):  # by the first instance, which put the hooks around it: ours come around this
        inner = inner.__wrapped__

    def step(self: Optimizer, closure: Any = None) -> Any:
        loss = None
        if closure is not None:  # it makes gradients, which are to be found sparse
            with torch.enable_grad():
                loss = closure()
        params = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        given = [p.grad for p in params]
        try:
            for p in params:
                p.grad = _every_row(p.grad)
            inner(self)
        finally:
            for p, grad in zip(params, given, strict=True):
                p.grad = grad
        return loss

    return type(cls.__name__, (cls,), {"step": step, "__module__": cls.__module__, "by_rows": True})


def _every_row(gradient: Any) -> Any:
    if gradient.is_sparse:
        return gradient
    if gradient.dim() == 0:  # no rows: one entry, with no index
        indices, entries = torch.zeros(0, 1, dtype=torch.long, device=gradient.device), gradient.reshape(1)
    else:
        indices, entries = torch.arange(gradient.shape[0], device=gradient.device)[None], gradient
    # A copy, since a step may change the gradient's values; the invariants said to be unchecked, or torch warns of it.
    return torch.sparse_coo_tensor(indices, entries.clone(), gradient.shape, check_invariants=False)
