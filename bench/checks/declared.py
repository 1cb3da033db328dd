"""Abilities that are judged where they are declared: sparse and complex tensors, tensor lr, the scaler; and CUDA."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ...scratch_impls import Case
from .context import Context, check, gradients, parameters
from .equal import (
    REFUSALS,
    best_dtype,
    clones,
    copied,
    difference,
    go,
    refusal,
    same,
    some_cases,
    started,
    state_leaves,
    tolerance,
    values,
)
from .narrow import declared
from .result import NotApplicable

STEPS = 4


@check("T12")
def sparse(context: Context) -> None:
    """A sparse gradient, duplicate indices included, steps the rows it touches as the dense one does, and no other."""
    declared(context, "sparse")
    dtype = best_dtype(context)
    with refusal(context, "sparse", lambda make: _embed(context, make, context.cases[0], dtype, True)):
        _embed(context, context.subject.make, context.cases[0], dtype, True)
    for case in some_cases(context):
        try:
            ours = _embed(context, context.subject.make, case, dtype, True)
        except REFUSALS:
            continue  # refuses sparse gradients together with an option of this case, such as weight decay
        dense = _embed(context, context.subject.make, case, dtype, False)
        where: dict[str, Any] = {"case": case, "dtype": dtype, "allowed": tolerance(dtype)}
        touched = [{"p0.param (rows 1 and 4)": side[[1, 4]]} for side in (ours, dense)]
        same(touched[0], touched[1], f"{STEPS} steps with sparse gradients, against dense ones", **where)
        start = parameters(context.seed, ((6, 3),), dtype, context.device)[0].detach()
        rest = [{"p0.param (rows without gradient)": side[[0, 2, 3, 5]]} for side in (ours, dense, start)]
        if difference(rest[0], rest[2]):  # unmoved is right as well: a lazy rule
            what = f"{STEPS} steps with sparse gradients, neither unmoved nor as with dense ones"
            same(rest[0], rest[1], what, **where)


def _embed(context: Context, make: Any, case: Case, dtype: str, is_sparse: bool) -> torch.Tensor:
    params = parameters(context.seed, ((6, 3),), dtype, context.device)
    optimizer = make(params, **case.hyper)
    for step in range(STEPS):
        rows = parameters(context.seed + 1000 + step, ((3, 3),), dtype, context.device)[0].detach()
        indices = torch.tensor([[4, 1, 4]], device=context.device)  # twice row 4: the two must add up
        gradient = torch.sparse_coo_tensor(indices, rows, (6, 3), check_invariants=True)
        params[0].grad = gradient if is_sparse else gradient.to_dense()
        with torch.sparse.check_sparse_tensor_invariants(True):  # said so, torch does not warn
            optimizer.step()
    return params[0].detach()


@check("T12")
def complex_numbers(context: Context) -> None:
    """A complex parameter steps as the real one that holds its real and imaginary parts."""
    declared(context, "complex")
    dtype = best_dtype(context)
    with refusal(context, "complex", lambda make: _complex_run(context, make, context.cases[0], dtype, True)):
        _complex_run(context, context.subject.make, context.cases[0], dtype, True)
    for case in some_cases(context):
        ours, theirs = (_complex_run(context, context.subject.make, case, dtype, flag) for flag in (True, False))
        what = f"step {STEPS} of a complex parameter, against view_as_real"
        cause = "real and imaginary part are not treated as two numbers"
        same(ours, theirs, what, case=case, dtype=dtype, allowed=tolerance(dtype), cause=cause)


def _complex_run(context: Context, make: Any, case: Case, dtype: str, is_complex: bool) -> dict[str, Any]:
    start = parameters(context.seed, ((4, 2),), dtype, context.device)[0].detach()
    params = [torch.nn.Parameter(torch.view_as_complex(start) if is_complex else start)]
    optimizer = make(params, **case.hyper)
    for step in range(STEPS):
        gradient = parameters(context.seed + 1000 + step, ((4, 2),), dtype, context.device)[0].detach()
        params[0].grad = torch.view_as_complex(gradient) if is_complex else gradient
        optimizer.step()
    return {"p0.param": torch.view_as_real(params[0].detach()) if is_complex else params[0].detach()}


@check("T12")
def tensor_lr(context: Context) -> None:
    """A tensor lr of 0 or 1 dimensions gives the steps of a float, may be changed in place, and is left alone."""
    declared(context, "tensor-lr")
    dtype = best_dtype(context)
    if "lr" not in context.subject.options and not any("lr" in case.hyper for case in context.cases):
        raise NotApplicable("the class takes no lr")
    lr = 2.0**-7  # the same number in every format
    lrs = [torch.tensor(value, dtype=getattr(torch, dtype)) for value in (lr, [lr])]
    for given in lrs:
        shape = "0-dimensional" if given.dim() == 0 else "1-element"
        attempt = functools.partial(_lr_run, context, case=context.cases[0], dtype=dtype, lr=given.clone())
        with refusal(context, "tensor-lr", attempt):
            attempt(context.subject.make)
        for case in some_cases(context):
            mine = given.clone()
            ours = _lr_run(context, context.subject.make, case, dtype, mine)
            where: dict[str, Any] = {"case": case, "dtype": dtype}
            what, cause = f"the {shape} lr after {2 * STEPS} steps", "step() changes lr"
            same({"lr": mine}, {"lr": given / 2}, what, cause=cause, **where)
            theirs = _lr_run(context, context.subject.make, case, dtype, lr)
            what = f"a {shape} lr, halved in place after step {STEPS}, against a float"
            same(ours, theirs, what, allowed=_digits(context, case, dtype), **where)


def _digits(context: Context, case: Case, dtype: str) -> float:
    """What rounding allows where numbers of the state, which a rate may be, are held in a narrower format."""
    optimizer, params = started(context, case, dtype, 2)
    tensors = [v for v in state_leaves(optimizer, params).values() if isinstance(v, torch.Tensor) and v.dim() == 0]
    kept = {str(v.dtype).removeprefix("torch.") for v in tensors if v.is_floating_point() and float(v) % 1}
    return max(tolerance(name) for name in (dtype, *kept))


def _lr_run(context: Context, make: Any, case: Case, dtype: str, lr: Any) -> dict[str, Any]:
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer = make(params, **{**case.hyper, "lr": lr})
    go(optimizer, params, range(STEPS), context.seed)
    if isinstance(lr, torch.Tensor):
        lr.mul_(0.5)
    else:
        optimizer.param_groups[0]["lr"] = lr / 2
    go(optimizer, params, range(STEPS, 2 * STEPS), context.seed)
    return {name: value for name, value in values(optimizer, params).items() if name.endswith(".param")}


@check("T13")
def grad_scaler(context: Context) -> None:
    """With found_inf a step changes nothing, the first one too; grad_scale divides the gradients: torch.amp's way."""
    declared(context, "grad-scaler")
    dtype = context.dtypes[0]
    params = parameters(context.seed, dtype=dtype, device=context.device)
    if not getattr(context.build(params, **context.cases[0].hyper), "_step_supports_amp_scaling", False):
        raise NotApplicable("without _step_supports_amp_scaling the scaler itself divides and skips")
    for case in some_cases(context):
        plain = _scaled(context, case, dtype, (), 1.0)
        where: dict[str, Any] = {"case": case, "dtype": dtype}
        scaled = _scaled(context, case, dtype, (), 1024.0)  # a power of two, so dividing by it is exact
        same(scaled, plain, "gradients and grad_scale 1024 times as large, against 1", **where)
        for skipped in (STEPS - 1, 0):
            ours = _scaled(context, case, dtype, (skipped,), 1024.0)
            what = f"after {STEPS} steps and one, before step {skipped + 1}, that found_inf skipped"
            same(ours, plain, what, cause="a skipped step leaves something behind in the state", **where)


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
                before = values(optimizer, params)
                optimizer.grad_scale = torch.full((), scale, device=context.device)
                optimizer.found_inf = torch.full((), found, device=context.device)
                optimizer.step()
                del optimizer.grad_scale, optimizer.found_inf
                if found:
                    _unchanged(values(optimizer, params), before, step, case, dtype)
    return values(optimizer, params)


def _unchanged(after: dict[str, Any], before: dict[str, Any], step: int, case: Case, dtype: str) -> None:
    """State may be made by a first step that is skipped; what was there may not change."""
    kept = {k: v for k, v in after.items() if k in before}
    same(kept, before, f"step {step + 1}, skipped by found_inf", case=case, dtype=dtype, cause="found_inf is ignored")


@contextmanager
def _uninitialised_is_nan() -> Iterator[None]:
    """torch.empty gives NaN, so that memory nobody wrote to is seen every time and not by luck."""
    before, warn = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn)


@check("T11")
def cuda(context: Context) -> None:
    """On a CUDA device the same steps as on the CPU."""
    if not torch.cuda.is_available():
        raise NotApplicable("no CUDA device")
    dtype = best_dtype(context)
    for case in some_cases(context):
        ends = []
        start = parameters(context.seed, dtype=dtype)
        for device in ("cuda", "cpu"):
            params = [torch.nn.Parameter(p.detach().to(device)) for p in clones(start)]
            optimizer = context.build(params, **case.hyper)
            go(optimizer, params, range(20), context.seed)
            ends.append(copied({f"p{i}.param": p.detach() for i, p in enumerate(params)}))
        same(ends[0], ends[1], "step 20 on CUDA, against the CPU", case=case, dtype=dtype, allowed=tolerance(dtype))
