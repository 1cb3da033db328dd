"""Where two runs differ by more than rounding, in words that name step, tensor and element.

Two measures. `element_difference` and `run_difference` are for two runs of one implementation on the same numbers, and
allow roundings of the parameter. `values_difference` and `require_equal` compare named values, state included: bit for
bit unless a tolerance is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ....scratch_impls import Case
from ..result import Failed
from .runs import Snapshot
from .state import Values

# How far apart two right runs of one optimizer on the same numbers may end. Most are equal bit for bit; one that
# gathers parameters in a flat buffer rounds elements at other places of the vector unit differently. 4 roundings of the
# parameter, and 1e-4 of the way that it moved: a cancelling update (the v - m^2 of a centered RMSprop) magnifies the
# roundoff of float32, 6e-8, by 1e3 on N(0, 1) gradients. The faults that these checks are for stand above 1e-2.
PARAM_ROUNDINGS, FRACTION_OF_MOVE = 4, 1e-4
# Two implementations of one rule round the parameter anew at every step: each half a unit where it decays and half
# where it moves, so that the two may part by two roundings a step. Measured: right Lions, 4.2 after ten steps.
ROUNDINGS_A_STEP = 2

# Two right evaluations of the same steps: measured 1.8e-15 (float64) and 1.2e-7 (float32) apart over 100-1000 steps on
# equal gradients, while a wrong element or a forgotten state is off by the length of a step. These stand between.
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}
# Of float16 and bfloat16 values show only what is grossly wrong: right torch and textbook SGD drift apart by 12 % of
# the way moved there. Their steps are judged one by one instead, by the checks float16 and bfloat16.
NARROW_TOLERANCE = 0.05


def tolerance(dtype: str) -> float:
    return TOLERANCE.get(dtype, NARROW_TOLERANCE)


def element_difference(
    ours: torch.Tensor, theirs: torch.Tensor, start: torch.Tensor, roundings: int = PARAM_ROUNDINGS
) -> str:
    """Where two results of the same steps differ by more than rounding; "" where they do not."""
    if torch.equal(ours, theirs):
        return ""
    a, b, s = (t.detach().to(torch.float64).reshape(-1) for t in (ours, theirs, start))
    allowed = roundings * torch.finfo(ours.dtype).eps * b.abs().max() + FRACTION_OF_MOVE * (b - s).abs().max()
    distance = (a - b).abs()
    # NaN on either side compares false with everything, so it is asked for what is right.
    right = distance <= allowed
    if bool(right.all()):
        return ""
    k = int(torch.where(right, -1.0, distance.nan_to_num(torch.inf)).argmax())
    size = f"{float(distance[k]):.3g} apart, rounding allows {float(allowed):.3g}"
    return f"[{k}]: {float(a[k]):.9g} against {float(b[k]):.9g}, {size}"


def run_difference(
    ours: Sequence[Snapshot], theirs: Sequence[Snapshot], start: Sequence[torch.Tensor], names: Sequence[int] = (),
    *, one_class: bool = True,
) -> str:  # fmt: skip
    """The first step and parameter at which two runs differ by more than rounding; "" where none does.

    names       the parameters' numbers in the message, where they are not 0, 1, ...
    one_class   both are runs of one implementation, which rounds alike; else what may gather grows with the steps
    """
    for step, (a, b) in enumerate(zip(ours, theirs, strict=True), start=1):
        roundings = PARAM_ROUNDINGS if one_class else max(PARAM_ROUNDINGS, ROUNDINGS_A_STEP * step)
        for i, (x, y, s) in enumerate(zip(a, b, start, strict=True)):
            if difference := element_difference(x, y, s, roundings):
                return f"step {step}, parameter {names[i] if names else i}{difference}"
    return ""


def values_difference(ours: Values, theirs: Values, allowed: float = 0.0) -> str:
    """The first place where ours is not theirs, with both values; "" where there is none. NaN equals nothing.

    allowed     |ours - theirs| may be this times (1 + |theirs|)
    """
    for name in [*theirs, *(n for n in ours if n not in theirs)]:
        if name not in ours or name not in theirs:
            return f"{name} is missing" if name not in ours else f"{name} should not be there"
        a, b = ours[name], theirs[name]
        if not (_is_number(a) and _is_number(b)):
            if type(a) is not type(b) or a != b:
                return f"{name} is {a!r} instead of {b!r}"
            continue
        a, b = _as_float64(a), _as_float64(b)
        if a.shape != b.shape:
            return f"{name} has shape {tuple(a.shape)} instead of {tuple(b.shape)}"
        # a == b first: of two that are inf the difference is NaN.
        off = torch.nonzero(~((a == b) | ((a - b).abs() <= allowed * (1 + b.abs()))).reshape(-1))
        if len(off):
            k = int(off[0])
            return f"{name}[{k}] is {a.reshape(-1)[k].item()!r} instead of {b.reshape(-1)[k].item()!r}"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, int, float)) and not isinstance(value, bool)


def _as_float64(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        return torch.tensor(value, dtype=torch.float64)  # a Python number would become a float32 first
    tensor = value.detach().cpu()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    return torch.view_as_real(tensor.resolve_conj()).double() if tensor.is_complex() else tensor.double()


def require_equal(
    ours: Values, theirs: Values, what: str, *, case: Case, dtype: str, allowed: float = 0.0, cause: str = ""
) -> None:
    """Failed, with `what` in front of the first difference."""
    if difference := values_difference(ours, theirs, allowed):
        raise Failed(f"{what}: {difference}", case=case.name, dtype=dtype, cause=cause)


def require_finite(found: Values, when: str, cause: str, *, case: Case, dtype: str) -> None:
    """Failed, with the first element that is inf or NaN, and `when` behind it."""
    for name, value in found.items():
        if isinstance(value, torch.Tensor) and not bool(torch.isfinite(value).all()):
            flat = value.reshape(-1)
            k = int(torch.nonzero(~torch.isfinite(flat))[0])
            raise Failed(f"{name}[{k}] is {flat[k].item()} {when}", case=case.name, dtype=dtype, cause=cause)
