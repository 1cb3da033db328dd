"""What steps cost and where many of them lead: memory, long runs, descent."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ....scratch_impls import Case
from ...compare.diagnose import reproduction
from ...compare.replay import replay
from ...compare.scenario import probe
from ...speed.shapes import fitted
from ..context import Context, check, gradients, parameters
from .equal import best_dtype, state_leaves, two_cases
from ..result import Failed
from .script import made, parameter, shown_by

ELEMENTS = 4096
CONSTANT = 64  # bytes a parameter: step counts and the like, which do not grow with it
# Copies of the parameter that a step may make at once. Formulas that never work in place were measured to make 2 to 8
# of one parameter, torch's for-loop and foreach 1 to 3. A line search, which holds a bracket of gradients and has a
# closure evaluated, was measured to make 17.
TEMPORARIES = 16


@check("T14")
def memory(context: Context) -> None:
    """State takes no more bytes an element than the reference's, and nothing that is held grows step by step."""
    # Of a step that is many, four; and in the format in which rounding does not decide how many.
    dtype, last = (best_dtype(context), 4) if context.whole else (context.dtypes[0], 20)
    for case in two_cases(context):
        held, grown, peak, kept = _bytes(context, context.subject.make, case, dtype, last)
        theirs = _bytes(context, context.against.make, case, dtype, last)[0] if context.against else held
        early, late = held[2], held[last]
        # Pairs are remembered up to a number that a short run does not reach: no more than the reference remembers.
        # How many iterations a tolerance takes is for rounding to decide: a tenth more or less was measured.
        remembered = 1.5 * (theirs[last] - theirs[2]) if context.whole else 0
        if late > early + remembered + CONSTANT:
            message = f"the state of {ELEMENTS} elements grows from {early} bytes after step 2 to {late} after {last}"
            raise Failed(message, case=case.name, dtype=dtype, cause="a list in the state that is never emptied")
        if grown > 10 * CONSTANT + remembered:
            beyond = f"still held after step {last}, beyond what state is held"
            message = f"{grown} bytes made in steps 3 to {last} are {beyond}"
            raise Failed(message, case=case.name, dtype=dtype, cause="tensors are kept by an attribute or by autograd")
        if kept:
            message = f"the gradient of step {last} is still held once p.grad is None"
            raise Failed(message, case=case.name, dtype=dtype, cause="zero_grad() frees no memory: gradients are kept")
        if context.against is not None:
            if late > theirs[last] * (1.5 if context.whole else 1) + CONSTANT:
                a, b = late / ELEMENTS, theirs[last] / ELEMENTS
                message = f"{a:.3g} bytes of state an element; {context.against.label} has {b:.3g}"
                raise Failed(message, case=case.name, dtype=dtype)
            copies = peak / (ELEMENTS * getattr(torch, dtype).itemsize)
            if copies > TEMPORARIES * (2 if context.whole else 1):
                message = f"a step makes temporary tensors of {copies:.3g} times the parameter's size at once"
                raise Failed(message, case=case.name, dtype=dtype)


def _bytes(context: Context, make: Any, case: Case, dtype: str, last: int) -> tuple[dict[int, int], int, int, bool]:
    """Bytes of state after each step, those made after step 2 that live on replacing none, and a step's temporaries.

    Last, whether the gradient lives on when its parameter has it no more.
    """
    params = parameters(context.seed, ((ELEMENTS,),), dtype, context.device)
    optimizer = make(params, **case.hyper)
    gradients(context.seed, 0, params)
    assert params[0].grad is not None
    gradient = StorageWeakRef(params[0].grad.untyped_storage())
    held, alive = {}, {}
    with _Made() as made:
        for step in range(1, last + 1):
            optimizer.step()
            if step in (2, last):
                held[step], alive[step] = _state_bytes(optimizer, params), made.alive()
            if step == 2:
                made.peak = 0
    params[0].grad = None
    return held, alive[last] - alive[2], made.peak - alive[last], not gradient.expired()


def _state_bytes(optimizer: Any, params: list[torch.nn.Parameter]) -> int:
    tensors = [v for v in state_leaves(optimizer, params).values() if isinstance(v, torch.Tensor)]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors if not t.is_sparse}
    return sum(storages.values())


class _Made(TorchDispatchMode):
    """Knows every storage that an operator returned, without keeping it alive.

    held    bytes of those that were alive when all were last looked at, and of what was made since
    """

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = self.held = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided:
                storage = tensor.untyped_storage()
                _, before = self.storages.get(storage._cdata, (None, 0))
                self.storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
                self.held += storage.nbytes() - before
        if self.held > self.peak:  # else no look at all of them could find a higher one
            self.peak = max(self.peak, self.alive())
        return result

    def alive(self) -> int:
        self.storages = {k: v for k, v in self.storages.items() if not v[0].expired()}
        self.held = sum(size for _, size in self.storages.values())
        return self.held


@check("T10")
def long_run(context: Context) -> None:
    """400 steps stay within the formula's bound, and the last of ten thousand tiny ones still has the right length."""
    case, dtype = context.richest, "float32" if "float32" in context.dtypes else context.dtypes[0]
    if context.spec is not None and context.against is not None:
        history = probe(context.seed, steps=100 if context.quick else 400, shapes=((3, 4), ()))
        gap = replay(
            context.spec, case.hyper, context.subject.make, context.against.make, history, dtype=dtype,
            device=context.device, states=(),
        ).first_failure()  # fmt: skip
        if gap is not None:
            shown = reproduction(context.subject, case.hyper, history, gap, dtype)
            raise Failed(str(gap), case=case.name, dtype=dtype, reproduction=shown)
    # A count shows through slow averages, such as the defaults', or a decaying rate.
    for each in () if context.whole else two_cases(context):
        _tiny_steps(context, each, 1000 if context.quick else 10_001)


def _tiny_steps(context: Context, case: Case, steps: int) -> None:
    """One element and a gradient of 1e-3 or 5e-4 in turn, the last step's length held against the formula's.

    The last step starts from 0, so that it keeps all its digits.
    """
    dtype = "float64" if "float64" in context.dtypes else context.dtypes[0]
    shape = fitted((1,), context.dims)
    params = [torch.nn.Parameter(torch.zeros(shape, dtype=getattr(torch, dtype), device=context.device))]
    optimizer = context.build(params, **case.hyper)
    grads = [torch.full_like(params[0], _tiny(step)) for step in (0, 1)]
    for step in range(steps):
        params[0].grad = grads[step % 2]
        if step == steps - 1:
            with torch.no_grad():
                params[0].zero_()
        optimizer.step()
    after = params[0].item()
    if not math.isfinite(after):
        with shown_by(
            context, functools.partial(_last_of_many, context, case, dtype, steps, "abs(p.item()) < float('inf')")
        ):
            raise Failed(f"p0[0] is {after} after {steps} steps of 1e-3", case=case.name, dtype=dtype)
    if context.spec is None:
        return
    hyper, value = context.spec.hyper(**case.hyper), np.zeros(shape) if context.dims else 0.0
    state = context.spec.start(value, hyper)
    for step in range(steps):
        value = 0 * value if step == steps - 1 else value
        value, state = context.spec.update(value, _tiny(step), state, step + 1, **hyper)
    value = float(np.sum(value))
    # The averages have lost digits to ten thousand roundings: 1e-10 in float64, and 1e-3 in float32 (1e4 u).
    allowed = (1e-6 if dtype == "float64" else 1e-2) * abs(value)
    if not abs(after - value) <= allowed:
        message = f"step {steps} moved p0[0] from 0 to {after!r}; the formula moves it to {value!r}"
        holds = f"abs(p.item() - {value!r}) <= {allowed!r}"
        with shown_by(context, functools.partial(_last_of_many, context, case, dtype, steps, holds)):
            raise Failed(message, case=case.name, dtype=dtype, cause="a count that stopped, or an average that drifts")


def _last_of_many(context: Context, case: Case, dtype: str, steps: int, holds: str) -> list[str]:
    return [
        parameter([0.0], dtype),
        f"optimizer = {made(context, case.hyper)}",
        f"for step in range({steps}):",
        f"    p.grad = torch.full_like(p, {_tiny(1)} if step % 2 else {_tiny(0)})",
        f"    p.data.mul_(step < {steps - 1})  # the last step begins at 0",
        "    optimizer.step()",
        f"assert {holds}, f'step {steps} ends at {{p.item()}}'",
    ]


def _tiny(step: int) -> float:
    return 1e-3 if step % 2 else 5e-4


# Descent at one of these, or at the default, is all that is asked: no rule suits every lr.
RATES = (1e-3, 1e-2, 1e-1)


@check("T1")
def descends(context: Context) -> None:
    """In 60 steps the loss of a quadratic and a regression falls by a tenth, at the default lr or one of three.

    Three steps of what evaluates the loss itself.
    """
    case, dtype = context.cases[0], context.dtypes[0]
    rates: list[float | None] = [None, *RATES]
    if "lr" not in context.subject.options and "lr" not in case.hyper:
        rates = [None]
    for name, problem in (("quadratic", _quadratic), ("regression", _regression)):
        said = []
        for rate in rates:
            first, last = problem(context, {**case.hyper, **({} if rate is None else {"lr": rate})}, dtype)
            said.append(f"{'the default lr' if rate is None else f'lr {rate:g}'}: {first:.3g} -> {last:.3g}")
            if last <= 0.9 * first:
                break
        else:
            message = f"the loss of the {name} did not fall in 60 steps ({'; '.join(said)})"
            raise Failed(message, case=case.name, dtype=dtype, cause="the step goes uphill, or nowhere")


def _quadratic(context: Context, hyper: Any, dtype: str) -> tuple[float, float]:
    curvature = torch.tensor([1.0, 3.0, 10.0], dtype=getattr(torch, dtype), device=context.device)
    params = parameters(context.seed, ((3,),), dtype, context.device)
    return _train(context, hyper, params, lambda: (curvature * params[0].reshape(-1) ** 2).sum() / 2)


def _regression(context: Context, hyper: Any, dtype: str) -> tuple[float, float]:
    inputs, targets = parameters(context.seed + 1, ((32, 4), (32,)), dtype, context.device)
    params = parameters(context.seed, ((4,), ()), dtype, context.device)
    x, y = inputs.detach(), targets.detach()
    y = x.sum(1) + 0.1 * y
    with torch.no_grad():
        for p in params:
            p.zero_()
    return _train(context, hyper, params, lambda: ((x @ params[0].reshape(-1) + params[1].reshape(()) - y) ** 2).mean())


def _train(context: Context, hyper: Any, params: list[torch.nn.Parameter], loss: Any) -> tuple[float, float]:
    optimizer = context.build(params, **hyper)
    first = loss().item()

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    for _ in range(3 if context.whole else 60):
        if context.whole:  # by the loss that it evaluates, up to twenty times a step
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    return first, loss().item()
