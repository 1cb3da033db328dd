"""A step with gradients changes the parameters, and the same run twice gives the same bits.

Bug: a published parity test never called step(), and two optimizers that stood still agreed. The same run twice is
compared bit for bit, since a step that reads the clock or memory nobody wrote would fail other checks at random. A
matrix, 37 elements (full vectors and a rest) and a scalar.
A step that is shorter than half the distance between two numbers (D-Adaptation's first ones, 1e-6 of a rate) is seen
where parameters are a millionth as large.
Controls: an SGD whose step() does nothing, an Adam that reads the clock.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .....scratch_impls import Case
from ...context import Context, check, note, parameters
from ...global_state import seed_torch
from ...result import Failed
from ..cases import cases_of
from ..faults import reported_at
from ..runs import Gradients, Params, clones, gradient_history, rest_of, run


@check("T1", place=1, since="0.2")
def step_moves(context: Context) -> None:
    for case in cases_of(context):
        for dtype in context.dtypes:
            start = parameters(context.seed, ((3, 2), (37,), ()), dtype, context.device)
            rest = rest_of(context, case, dtype)  # a first step may only make state, and a rate may warm up from 0
            note(f"its first {rest} steps move nothing" if rest else "")
            history = gradient_history(context.seed, 5 + rest, start)
            with reported_at(case, dtype), torch.random.fork_rng():
                found = []
                for params in (clones(start), clones(start)):
                    seed_torch(context.seed)  # one that draws random numbers is told of by global-state
                    found.append(run(context.build(params, **case.hyper), params, history))
                # Each parameter alone: one that is left out beside two that move would pass a sum over all.
                for i, (was, now) in enumerate(zip(start, found[0][-1], strict=True)):
                    if torch.equal(was, now) and not _moves_what_is_small(context, case, start, history, i):
                        raise Failed(
                            f"{len(history)} steps with nonzero gradients left parameter {i} of shape "
                            f"{tuple(was.shape)} as it was",
                            cause="step() does nothing",
                        )
                for step, (once, again) in enumerate(zip(*found, strict=True), start=1):
                    for i, (x, y) in enumerate(zip(once, again, strict=True)):
                        if not torch.equal(x, y):
                            raise Failed(
                                f"the same run twice, with the same seed, differs at step {step} in parameter {i} by "
                                f"{float((x - y).abs().max()):.3g} (NaN also counts as a difference)",
                                cause="the step is not deterministic, or gives NaN",
                            )


def _moves_what_is_small(context: Context, case: Case, start: Params, history: Sequence[Gradients], i: int) -> bool:
    """Whether the parameter moves where it is a millionth as large, so that numbers lie closer together."""
    small = [torch.nn.Parameter(1e-6 * p.detach()) for p in start]
    params = clones(small)
    moved = not torch.equal(run(context.build(params, **case.hyper), params, history)[-1][i], small[i])
    note("its first steps are shorter than the rounding of N(0, 1)" if moved else "")
    return moved
