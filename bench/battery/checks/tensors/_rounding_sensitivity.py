"""How far one rounding of what an optimizer receives carries it: measured on the optimizer itself.

Two runs on the same numbers may differ in the order in which they add: the elements of a transposed parameter lie in
another order in memory, and a norm or a product of vectors is summed as they lie. Most rules leave it at the last
place. A step of many iterations magnifies it: L-BFGS in float32 by up to a hundred thousand, where rounding decides
after which iteration it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.optim import Optimizer

from ..runs import Params

# Measured on L-BFGS in float32, ten seeds and all layouts, with torch's instruction sets "default" and "avx2": where it
# first leaves the usual tolerance a layout is carried as far as the furthest of 32 such runs but for a tenth, and as
# far as that of 64; of 8 runs six times as far, since they leave out where another iteration is the last. Twice that
# of 64 is room: over forty seeds none fails, with "avx512" as well. They begin where the usual tolerance ends, and end
# where they explain, so that they cost nobody else.
RUNS, FACTOR = 64, 2.0


def distance(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> float:
    """The largest |ours - theirs| / (1 + |theirs|) over all elements; infinite where one is NaN."""
    found = 0.0
    for a, b in zip(ours, theirs, strict=True):
        x, y = (t.detach().double().reshape(-1) for t in (a, b))
        if x.numel():
            found = max(found, float(((x - y).abs() / (1 + y.abs())).nan_to_num(torch.inf).max()))
    return found


def rounding_explains(
    make: Callable[[Params], Optimizer],
    start: Sequence[torch.Tensor],
    history: Sequence[Sequence[torch.Tensor]],
    apart: float,
) -> bool:
    """Whether runs whose start and gradients are one rounding off end as far from the run without, up to FACTOR.

    history     the gradients of each step, up to the one after which the two stood `apart`
    """
    plain = list(_run(make, start, history, None))
    # The largest of all steps: a run that ends near may have been carried far on its way.
    return any(
        apart <= FACTOR * max(map(distance, _run(make, start, history, seed), plain)) < float("inf")
        for seed in range(RUNS)
    )


def _run(
    make: Callable[[Params], Optimizer], start: Sequence[torch.Tensor], history: Sequence[Sequence[torch.Tensor]],
    seed: int | None,
) -> Iterator[list[torch.Tensor]]:  # fmt: skip
    """The parameters after each step; with a seed every number that is received is one rounding off, up or down."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    params = [torch.nn.Parameter(_off(p.detach(), generator)) for p in start]
    optimizer = make(params)
    for gradients in history:
        for p, g in zip(params, gradients, strict=True):
            p.grad = _off(g, generator)
        optimizer.step()
        yield [p.detach().clone() for p in params]


def _off(x: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    if generator is None:
        return x.clone()
    signs = (torch.randint(0, 2, x.shape, generator=generator) * 2 - 1).to(x.device)
    # Away from x by one unit in the last place, at most: in float64 the sum rounds by itself.
    return x + signs.to(x.dtype) * torch.finfo(x.dtype).eps * x
