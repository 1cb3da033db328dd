"""How long steps are under gradients that stay the same: beside the reference, and by the gradient's size."""

from __future__ import annotations

from typing import Any

import torch

from .....scratch_impls import Case
from ....compare.replay import Factory
from ...context import Against, Context, parameters
from ...result import Failed, NotApplicable
from ..cases import best_dtype, cases_of
from ..differences import PARAM_ROUNDINGS

STEPS = 12
# A step that is left out, doubled or averaged once too often, after steps that were right, is off by parts of itself: a
# tenth in the eleventh step of a momentum of 0.9. What is off from the first on is another rule, for others to judge.
ALIKE, APART = 1e-2, 0.1
SIZES = (1.0, 1e4)  # between these eps decides nothing, and steps that do not grow with the gradient are of one length
FLAT, WHOLE = 0.02, 0.05  # how near an exponent is to 0, or to a whole number, that is one by rounding


def judge_step_lengths(context: Context) -> None:
    """No step of twelve under one gradient is of another length, after some that were as the reference's."""
    if context.against is None or context.draws:
        raise NotApplicable(context.draws or "there is no reference whose steps could be as long")
    if context.spec is not None and not context.spec.elementwise:
        raise NotApplicable("a matrix may be iterated in bfloat16, as torch's Muon does: steps are right to two digits")
    for case in cases_of(context):
        dtype = best_dtype(context)
        ours, theirs, off = _compared(context, context.against, case, dtype)
        if bool(off.any()):
            step = int(off.any(1).nonzero()[0])
            k = int(torch.where(off[step], theirs[step], -1.0).argmax())
            raise Failed(
                f"step {step + 1} under one gradient is of another length: {float(ours[step, k]):.4g}, that of "
                f"{context.against.label} {float(theirs[step, k]):.4g}; the first ones are {float(ours[0, k]):.4g} and "
                f"{float(theirs[0, k]):.4g} long",
                case=case.name, dtype=dtype, cause=_only_if_it_comes_again(context, context.against, case, dtype),
            )  # fmt: skip


def _compared(
    context: Context, against: Against, case: Case, dtype: str, grows: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The lengths of both sides, and where they part after they were alike."""
    ours, start = _lengths(context, context.subject.make, case.hyper, dtype, grows=grows)
    theirs, _ = _lengths(context, against.make, against.taken(case.hyper), dtype, grows=grows)
    rounding = 2 * PARAM_ROUNDINGS * torch.finfo(start.dtype).eps * torch.maximum(start.abs(), theirs.cumsum(0))
    distance = (ours - theirs).abs()
    alike = (distance <= ALIKE * theirs + rounding).long().cumprod(0).bool()
    off = ~(distance <= APART * theirs + rounding)
    off[0], off[1:] = False, off[1:] & alike[:-1]
    return ours, theirs, off


def _only_if_it_comes_again(context: Context, against: Against, case: Case, dtype: str) -> str:
    """That a gradient which comes again is taken otherwise, where gradients that grow a little make no difference."""
    *_, off = _compared(context, against, case, dtype, grows=1e-3)
    return "" if bool(off.any()) else "a gradient that comes again is taken otherwise than a new one"


def judge_switches_keep_the_scale(context: Context) -> None:
    """Where the length of a step does not depend on the gradient's size, no switch makes it grow with a root of it.

    With the gradient itself it may: a switch may turn an adaptive rule into a plain one. No rule is meant to stand
    between the two by a switch, as one does whose second moment is rooted twice.
    """
    base = context.cases[0] if context.cases else None
    usual = None if base is None or context.draws else _exponent(context, base.hyper)
    if base is None or usual is None or abs(usual) > FLAT:
        raise NotApplicable("the length of its steps depends on the gradient's size")
    for name, default in context.subject.options.items():
        value = base.hyper.get(name, default)
        if not isinstance(value, bool):
            continue
        found = _exponent(context, {**base.hyper, name: not value})
        if found is not None and found > FLAT and abs(found - round(found)) > WHOLE:
            raise Failed(
                f"with {name}={not value} steps under one gradient grow with its size to the power {found:.2g}; with "
                f"{name}={value} they do not",
                case=base.name, dtype=best_dtype(context), cause=f"with {name} a root is taken twice, or left out",
            )  # fmt: skip


def _exponent(context: Context, hyper: Any) -> float | None:
    """How the second step's length grows with the gradient; None where that is no power, or where it is refused."""
    try:
        lengths, _ = _lengths(context, context.subject.make, hyper, best_dtype(context), SIZES)
    except Exception:  # a trial: a switch that goes with another
        return None
    logs = lengths[1].log10()
    slopes = logs.diff() * (len(logs) - 1) / 4  # four decades
    if not bool(torch.isfinite(slopes).all()) or float(slopes.max() - slopes.min()) > WHOLE:
        return None
    return float(slopes.mean())


def _lengths(
    context: Context,
    make: Factory,
    hyper: Any,
    dtype: str,
    sizes: tuple[float, float] = (1e-6, 1e4),
    grows: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The length of each step of each of 64 elements, and where they start. grows: the gradient, by so much a step."""
    (p,) = parameters(context.seed, ((64,),), dtype, context.device)
    optimizer = make([p], **hyper)
    start, ends = p.detach().clone().reshape(-1), [p.detach().clone().reshape(-1)]
    first, last = (torch.tensor(size, dtype=torch.float64).log10() for size in sizes)
    gradient = torch.logspace(float(first), float(last), p.numel(), dtype=torch.float64).to(context.device, p.dtype)
    for step in range(STEPS):
        p.grad = (gradient * (1 + step * grows)).view_as(p)
        optimizer.step()
        ends.append(p.detach().clone().reshape(-1))
    return torch.stack(ends).diff(dim=0).abs(), start
