"""Abilities that are judged where they are declared: sparse and complex tensors, tensor lr, the scaler; and CUDA."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ....scratch_impls import Case
from ..context import Context, check, declared, gradients, parameters
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
from ..result import NotApplicable

STEPS = 4

# The rows of a table of six that each step's gradient names; what is named twice must add up. Rows 1 and 4 are in each
# of the first four, so that a lazy rule too moves them as with dense gradients; then all rest, and 0, 1, 2 and 4 come
# back in their turns. 3 and 5 never come.
ROWS = ((4, 1, 4), (1, 4, 0), (4, 1, 4, 2), (0, 4, 1), (), (2, 4, 0, 2), (1, 0), (4, 1, 2, 1))
TOGETHER, NEVER = 4, [3, 5]


@check("T12")
def sparse(context: Context) -> None:
    """Sparse gradients step the rows they touch as the reference's, or else as dense ones do, and no other."""
    declared(context, "sparse")
    dtype = best_dtype(context)
    with refusal(context, "sparse", lambda make: _embed(context, make, context.cases[0].hyper, dtype, True)):
        _embed(context, context.subject.make, context.cases[0].hyper, dtype, True)
    for case in some_cases(context):
        try:
            ours = _embed(context, context.subject.make, case.hyper, dtype, True)
        except REFUSALS:
            continue  # refuses sparse gradients together with an option of this case, such as weight decay
        theirs = _referred(context, case, dtype)
        if theirs is None:
            _judge_alone(context, case, dtype, ours)
        else:
            for step, rows in enumerate(ROWS):
                what = f"step {step + 1}, with a sparse gradient of rows {list(rows)}, against the reference"
                a, b = ({"p0.param": tables[step]} for tables in (ours, theirs))
                same(a, b, what, case=case, dtype=dtype, allowed=tolerance(dtype))


def _referred(context: Context, case: Case, dtype: str) -> torch.Tensor | None:
    """What the reference makes of the same sparse gradients; None where there is none, or it refuses them.

    And where a step is many, which two implementations need not take alike to the tolerance here.
    """
    if context.against is None or context.whole:
        return None
    hyper = {n: v for n, v in case.hyper.items() if context.spec is None or n in context.spec.defaults}
    try:
        return _embed(context, context.against.make, hyper, dtype, True)
    except REFUSALS:
        return None


def _judge_alone(context: Context, case: Case, dtype: str, ours: torch.Tensor) -> None:
    """Every row goes as with dense gradients, whose other rows are 0; or the rule is lazy, and a row that rests stays.

    How a lazy rule goes on with a row that comes back is its own affair: only a reference tells.
    """
    where: dict[str, Any] = {"case": case, "dtype": dtype, "allowed": tolerance(dtype)}
    dense = _embed(context, context.subject.make, case.hyper, dtype, False)
    if not difference({"": ours}, {"": dense}, tolerance(dtype)):
        return
    touched = [{"p0.param (rows 1 and 4)": side[:TOGETHER, [1, 4]]} for side in (ours, dense)]
    same(touched[0], touched[1], f"{TOGETHER} steps with sparse gradients, against dense ones", **where)
    start = parameters(context.seed, ((6, 3),), dtype, context.device)[0].detach()
    never = [{"p0.param (rows without gradient)": side[..., NEVER, :]} for side in (ours[-1], dense[-1], start)]
    if difference(never[0], never[2]):
        what = f"{len(ROWS)} steps with sparse gradients, neither unmoved nor as with dense ones"
        same(never[0], never[1], what, **where)
        return  # it decays the whole table, so that rows which rest move as well
    for step, rows in enumerate(ROWS):
        rest = [row for row in range(6) if row not in rows]
        before = start if step == 0 else ours[step - 1]
        what = f"step {step + 1}, with a sparse gradient of rows {list(rows)}, neither as with dense ones nor at rest"
        name = f"p0.param (rows {rest})"
        same({name: ours[step][rest]}, {name: before[rest]}, what, case=case, dtype=dtype)


def _embed(context: Context, make: Any, hyper: Mapping[str, Any], dtype: str, is_sparse: bool) -> torch.Tensor:
    """The table after each of the steps."""
    params = parameters(context.seed, ((6, 3),), dtype, context.device)
    optimizer, tables = make(params, **hyper), []
    for step, rows in enumerate(ROWS):
        values = parameters(context.seed + 1000 + step, ((len(rows), 3),), dtype, context.device)[0].detach()
        indices = torch.tensor([rows], dtype=torch.long, device=context.device)
        gradient = torch.sparse_coo_tensor(indices, values, (6, 3), check_invariants=True)
        params[0].grad = gradient if is_sparse else gradient.to_dense()
        with torch.sparse.check_sparse_tensor_invariants(True):  # said so, torch does not warn
            optimizer.step()
        tables.append(params[0].detach().clone())
    return torch.stack(tables)


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
