"""What a gradient stands for where an optimizer evaluates the loss itself: the quadratic that has it here.

    f(x) = g (x - x_0) + h (x - x_0)^2 / 2        summed over all elements
    f'(x) = g + h (x - x_0)

Whoever drives optimizers by gradients can then drive these too. The curvatures h are small whole numbers, exact in
every format, and no two neighbours have the same, so that Newton's method has something to learn; where a parameter
has no gradient, the loss does not depend on it. The loss is 0 at x_0, so that its differences keep their digits.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer


def curvatures(size: int) -> np.ndarray:
    """h for the elements of one parameter: 1, 2, ... 7, 1, 2, ..."""
    return 1.0 + np.arange(size) % 7


@dataclass(frozen=True)
class LocalModel:
    """x -> (loss, gradient) in any number system; g, h and x_0 are vectors of one length."""

    start: Any
    gradient: Any
    curvature: Any

    @classmethod
    def of_parts(cls, start: Any, gradients: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> LocalModel:
        """The model of a vector that was joined from parameters of these shapes; None for a missing gradient."""
        sizes = [int(np.prod(shape)) for shape in shapes]
        ends = np.cumsum(sizes)
        zeros = [0 * start[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        given = [zero if g is None else g for g, zero in zip(gradients, zeros, strict=True)]
        bent = np.concatenate([curvatures(n) * (g is not None) for g, n in zip(gradients, sizes, strict=True)])
        return cls(start, joined(given), torch.as_tensor(bent) if isinstance(start, torch.Tensor) else bent)

    def __call__(self, x: Any) -> tuple[Any, Any]:
        moved = x - self.start
        bent = self.curvature * moved
        return (self.gradient * moved + 0.5 * bent * moved).sum(), self.gradient + bent


def joined(parts: Sequence[Any]) -> Any:
    """Arrays of any shapes as one vector; a number system that is not NumPy's brings its own way."""
    if isinstance(parts[0], torch.Tensor):
        return torch.cat([part.reshape(-1) for part in parts])
    own = getattr(type(parts[0]), "joined", None)
    return own(parts) if own else np.concatenate([np.reshape(part, -1) for part in parts])


def asks_for_closure(optimizer: Any) -> bool:
    """Whether `step` of an optimizer, or of a class, cannot be called without a closure."""
    try:
        parameters = inspect.signature(optimizer.step).parameters
    except (AttributeError, TypeError, ValueError):
        return False
    closure = parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def closure_for(params: Sequence[torch.Tensor]) -> Callable[[], torch.Tensor]:
    """The closure that p.grad stands for, here and now; its first call leaves every p.grad as it is."""
    given = [p.grad for p in params]
    reals = [torch.view_as_real(p.detach()) if p.is_complex() else p.detach() for p in params]
    start = [x.clone() for x in reals]
    bent = [torch.as_tensor(curvatures(x.numel())).to(x).reshape(x.shape) for x in reals]
    calls = 0

    @torch.no_grad()
    def closure() -> torch.Tensor:
        nonlocal calls
        calls += 1
        loss = torch.zeros((), dtype=reals[0].dtype, device=reals[0].device)
        for p, x, x0, g, h in zip(params, reals, start, given, bent, strict=True):
            if g is None or calls == 1:
                continue
            g = g.to_dense() if g.is_sparse else g
            g = torch.view_as_real(g) if g.is_complex() else g
            moved = x - x0
            pulled = h * moved
            loss += (g * moved + 0.5 * pulled * moved).sum()
            p.grad = torch.view_as_complex(g + pulled) if p.is_complex() else g + pulled
        return loss

    return closure


@functools.cache
def driven_by_gradients(cls: type[Optimizer]) -> type[Optimizer]:
    """The class, whose step asks for a closure, made to take the one that p.grad stands for where it gets none."""

    @functools.wraps(cls.step)
    def step(self: Optimizer, closure: Any = None) -> Any:
        if closure is not None:
            return cls.step(self, closure)
        params = [p for group in self.param_groups for p in group["params"]]
        given = [p.grad for p in params]
        try:
            cls.step(self, closure_for(params))  # type: ignore[arg-type]
        finally:
            for p, grad in zip(params, given, strict=True):
                p.grad = grad

    return type(cls.__name__, (cls,), {"step": step, "__module__": cls.__module__, "by_gradients": True})
