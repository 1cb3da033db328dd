"""With found_inf a step changes nothing, the first one too; grad_scale divides the gradients: torch.amp's way.

Bug: optax#1784. For steps that unscale and skip by themselves (_step_supports_amp_scaling), as fused ones do. The
first step is skipped too: torch's fused SGD goes on from momentum that nobody wrote, a known defect. 1024 is a power
of two, so that dividing by it is exact.
Control: an SGD that declares the protocol and reads neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, declared, gradients, parameters
from ...result import NotApplicable
from ..cases import cases_of
from ..differences import require_equal
from ..state import named_values

STEPS = 4


@check("T13", place=4, since="0.2")
def grad_scaler(context: Context) -> None:
    declared(context, "grad-scaler")
    dtype = context.dtypes[0]
    params = parameters(context.seed, dtype=dtype, device=context.device)
    if not getattr(context.build(params, **context.cases[0].hyper), "_step_supports_amp_scaling", False):
        raise NotApplicable("without _step_supports_amp_scaling the scaler itself divides and skips")
    for case in cases_of(context):
        plain = _scaled(context, case, dtype, (), 1.0)
        where: dict[str, Any] = {"case": case, "dtype": dtype}
        scaled = _scaled(context, case, dtype, (), 1024.0)  # a power of two, so dividing by it is exact
        require_equal(scaled, plain, "gradients and grad_scale 1024 times as large, against 1", **where)
        # Late, where the state has a history, and first, where skipping may leave state that nobody has written.
        for skipped in (STEPS - 1, 0):
            ours = _scaled(context, case, dtype, (skipped,), 1024.0)
            what = f"after {STEPS} steps and one, before step {skipped + 1}, that found_inf skipped"
            require_equal(ours, plain, what, cause="a skipped step leaves something behind in the state", **where)


def _scaled(context: Context, case: Case, dtype: str, skipped: tuple[int, ...], scale: float) -> dict[str, Any]:
    """Values after STEPS steps by the scaler's protocol; before those in `skipped` comes one to be skipped."""
    params = parameters(context.seed, ((5, 4), (3,)), dtype, context.device)
    optimizer: Any = context.build(params, **case.hyper)
    with _uninitialised_is_nan():
        for step in range(STEPS):
            for found in (1.0, 0.0) if step in skipped else (0.0,):
                gradients(context.seed, step, params)
                for p in params:
                    assert p.grad is not None
                    p.grad.mul_(scale)
                    if found:
                        p.grad.view(-1)[0] = float("inf")
                before = named_values(optimizer, params)
                optimizer.grad_scale = torch.full((), scale, device=context.device)
                optimizer.found_inf = torch.full((), found, device=context.device)
                optimizer.step()
                del optimizer.grad_scale, optimizer.found_inf
                if found:
                    _unchanged(named_values(optimizer, params), before, step, case, dtype)
    return named_values(optimizer, params)


def _unchanged(after: dict[str, Any], before: dict[str, Any], step: int, case: Case, dtype: str) -> None:
    """State may be made by a first step that is skipped; what was there may not change."""
    kept = {k: v for k, v in after.items() if k in before}
    require_equal(
        kept, before, f"step {step + 1}, skipped by found_inf", case=case, dtype=dtype, cause="found_inf is ignored"
    )


@contextmanager
def _uninitialised_is_nan() -> Iterator[None]:
    """torch.empty gives NaN, so that memory nobody wrote to is seen every time and not by luck."""
    before, warn = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    # In this mode torch fills new memory (torch.utils.deterministic.fill_uninitialized_memory, which is on by default);
    # warn_only, since an operator without a deterministic form must not raise here.
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn)
