"""What a gradient stands for where an optimizer evaluates the loss itself: a bowl that has it here.

    f(x) = g m + h m^2 / 2                                              m = x - x_0; summed over all elements
    f'(x) = g + h m

or, rugged, one with a pit (k > 0) or a hill around x_0 that is about as wide as w:

    f(x) = g m + h m^2 / 2 + k m^2 / (1 + m^2 / w^2) / 2
    f'(x) = g + h m + k m / (1 + m^2 / w^2)^2

Whoever drives optimizers by gradients can then drive these too. The curvatures h are small whole numbers, exact in
every format, and no two neighbours have the same, so that Newton's method has something to learn; where a parameter
has no gradient, the loss does not depend on it. The loss is 0 at x_0, so that its differences keep their digits.

A cubic through two points of a quadratic has its minimum where the quadratic has: a line search is done there, and a
pair that curves downward is never met. On rugged ground both are put to the proof; but fixed steps may lead anywhere.
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


# (k, 1 / w) of the elements in turn: narrow and wide, and as steep as the large gradients and the small ones ask. Of
# mistakes in torch's own search that show on no bowl, a trial's distance from the bracket's ends and the bracket that a
# positive slope closes show here, each for every of eight seeds.
RUGGED = ((-16.0, 0.0625), (32.0, 0.25), (-8.0, 1.0), (64.0, 1.0))


def ruggedness(size: int) -> tuple[np.ndarray, np.ndarray]:
    """k and 1 / w for the elements of one parameter."""
    k, narrow = np.resize(np.array(RUGGED), (size, 2)).T
    return k, narrow


def bowl(moved: Any, g: Any, h: Any, rugged: Sequence[Any] | None = None) -> tuple[Any, Any]:
    """The loss and its gradient at x_0 + moved."""
    pulled = h * moved
    if rugged is None:
        return (g * moved + 0.5 * pulled * moved).sum(), g + pulled
    k, narrow = rugged
    part = narrow * moved
    near = 1 / (1 + part * part)
    drawn = k * moved * near
    return (g * moved + 0.5 * (pulled + drawn) * moved).sum(), g + pulled + drawn * near


@dataclass(frozen=True)
class LocalModel:
    """x -> (loss, gradient) in any number system; g, h and x_0 are vectors of one length, and so are k and 1 / w."""

    start: Any
    gradient: Any
    curvature: Any
    rugged: tuple[Any, Any] | None = None

    @classmethod
    def of_parts(
        cls, start: Any, gradients: Sequence[Any], shapes: Sequence[tuple[int, ...]], *, rugged: bool = False
    ) -> LocalModel:
        """The model of a vector that was joined from parameters of these shapes; None for a missing gradient."""
        sizes = [int(np.prod(shape)) for shape in shapes]
        ends = np.cumsum(sizes)
        zeros = [0 * start[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        given = [zero if g is None else g for g, zero in zip(gradients, zeros, strict=True)]
        # Curvature 0 as well where there is no gradient: the loss does not depend on that parameter at all.
        there = np.repeat([float(g is not None) for g in gradients], sizes)
        h, k, narrow = (
            torch.as_tensor(each) if isinstance(start, torch.Tensor) else each
            for each in np.concatenate([(curvatures(n), *ruggedness(n)) for n in sizes], axis=1) * there
        )
        return cls(start, joined(given), h, (k, narrow) if rugged else None)

    def __call__(self, x: Any) -> tuple[Any, Any]:
        return bowl(x - self.start, self.gradient, self.curvature, self.rugged)


def joined(parts: Sequence[Any]) -> Any:
    """Arrays of any shapes as one vector; a number system that is not NumPy's brings its own way."""
    if isinstance(parts[0], torch.Tensor):
        return torch.cat([part.reshape(-1) for part in parts])
    # (value, error) pairs and randomly rounded numbers, which this package does not import.
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


def closure_for(params: Sequence[torch.Tensor], *, rugged: bool = False) -> Callable[[], torch.Tensor]:
    """The closure that p.grad stands for, here and now; its first call leaves every p.grad as it is."""
    given = [p.grad for p in params]
    reals = [torch.view_as_real(p.detach()) if p.is_complex() else p.detach() for p in params]
    start = [x.clone() for x in reals]
    numbers = [
        [torch.as_tensor(v).to(x).reshape(x.shape) for v in (curvatures(x.numel()), *ruggedness(x.numel()))]
        for x in reals
    ]
    # The first evaluation is where the gradients were given: they are kept bit for bit.
    calls = 0

    @torch.no_grad()
    def closure() -> torch.Tensor:
        nonlocal calls
        calls += 1
        loss = torch.zeros((), dtype=reals[0].dtype, device=reals[0].device)
        for p, x, x0, g, (h, *around) in zip(params, reals, start, given, numbers, strict=True):
            if g is None or calls == 1:
                continue
            g = g.to_dense() if g.is_sparse else g
            g = torch.view_as_real(g) if g.is_complex() else g
            part, slope = bowl(x - x0, g, h, around if rugged else None)
            loss += part
            p.grad = torch.view_as_complex(slope) if p.is_complex() else slope
        return loss

    return closure


@functools.cache
def closure_from_gradients(cls: type[Optimizer]) -> type[Optimizer]:
    """The class, whose step asks for a closure, made to take the one that p.grad stands for where it gets none."""

    @functools.wraps(cls.step)
    def step(self: Optimizer, closure: Any = None) -> Any:
        if closure is not None:
            return cls.step(self, closure)
        params = [p for group in self.param_groups for p in group["params"]]
        given = [p.grad for p in params]
        # Put back in the end: whoever drives by p.grad looks at it after the step, and inputs-untouched judges it.
        try:
            cls.step(self, closure_for(params))  # type: ignore[arg-type]
        finally:
            for p, grad in zip(params, given, strict=True):
                p.grad = grad

    return type(cls.__name__, (cls,), {"step": step, "__module__": cls.__module__, "by_gradients": True})
