"""Parameters that are all zero, as biases begin: those that move in the reference must move."""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, parameters
from ...result import Failed
from ..runs import Snapshot, gradient_history, run

STEPS = 3
STAYS_ZERO = "a parameter that is all zero never moves"


def judge_zero_start(context: Context, case: Case, dtype: str) -> None:
    """Three steps from zero. How far two right ones may part there, where a norm has no derivative, nobody can say.

    So what is asked for is motion, of a length between half and twice the reference's.
    """
    assert context.against is not None
    if context.draws:
        return
    theirs = _from_zero(context, context.against.make, context.against.taken(case.hyper), dtype)
    ours = _from_zero(context, context.subject.make, case.hyper, dtype)
    for i, (mine, other) in enumerate(zip(ours[-1], theirs[-1], strict=True)):
        far, near = float(other.norm()), float(mine.norm())
        if not (far > 0 and torch.isfinite(other).all()) or 0.5 * far <= near <= 2 * far:
            continue
        what = "does not move" if near == 0 else f"goes {near:.3g} far"
        raise Failed(
            f"a parameter that begins with zeros (shape {tuple(mine.shape)}, number {i}) {what} in {STEPS} steps; in "
            f"{context.against.label} it goes {far:.3g} far",
            case=case.name, dtype=dtype,
            cause=STAYS_ZERO if near == 0 else "from zeros steps have another length",
        )  # fmt: skip


def _from_zero(context: Context, make: Any, hyper: Any, dtype: str) -> list[Snapshot]:
    params = parameters(context.seed, ((3, 4), (5,)), dtype, context.device)
    for p in params:
        p.data.zero_()
    return run(make(params, **hyper), params, gradient_history(context.seed, STEPS, params))
