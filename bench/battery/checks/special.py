"""Special values: gradients that are zero, infinite or no number."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch

from ....scratch_impls import Case
from ...compare.replay import Factory
from ..context import Context, check, gradients, parameters
from .equal import Params, Values, best_dtype, difference, go, same, some_cases, tolerance, two_cases, values
from ..result import Failed, NotApplicable
from .script import made, parameter, shown_by, stepping

STEPS = 3


@check("T13")
def zero_gradients(context: Context) -> None:
    """Gradients of zero from the start, and then an ordinary one, leave all finite, and as the reference has it."""
    # Twenty iterations end apart by more than their last digits in float32.
    for dtype in (best_dtype(context),) if context.whole else context.dtypes:
        judge_zeros(context, dtype, some_cases(context))


def judge_zeros(context: Context, dtype: str, cases: list[Case]) -> None:
    after = f"after {STEPS} steps of zero gradients"
    for case in cases:
        if case.hyper.get("eps", 1) == 0:
            continue  # 0/0 is what such a case asks for
        where: dict[str, Any] = {"case": case, "dtype": dtype}
        with shown_by(context, functools.partial(_zeros_and_one, context, case, dtype)):
            start, rested, ours, decays = _zeros(context, context.subject.make, case, dtype)
            finite(ours, f"{after} and one of N(0, 1)", "0/0: eps is missing, or underflows", **where)
            theirs: Values = {}
            if context.against is not None:
                _, their_rest, their_end, _ = _zeros(context, context.against.make, case, dtype)
                theirs, decays = _params_of(their_end), decays or bool(difference(their_rest, start))
            if not decays:
                same(rested, start, f"moved without weight decay {after}", **where)
            if context.against is not None and all(bool(torch.isfinite(value).all()) for value in theirs.values()):
                what = f"{after} and one of N(0, 1), against the reference"
                same(_params_of(ours), theirs, what, allowed=tolerance(dtype), **where)


def _zeros_and_one(context: Context, case: Case, dtype: str) -> list[str]:
    """What is expected comes from the reference; without one, zeros move nothing unless some option decays."""
    steps = [0.0] * STEPS + [1.0]
    expected = [1.0] * STEPS if not _zeros(context, context.subject.make, case, dtype)[3] else []
    if context.against is not None:
        theirs = _one_by_one(context.against.make, case, dtype, steps)
        expected = theirs if all(math.isfinite(x) for x in theirs) else expected
    return [
        parameter([1.0], dtype),
        f"optimizer, found = {made(context, case.hyper)}, []",
        *stepping(steps),
        "    found.append(p.item())",
        f"expected = {expected!r}",
        "assert all(abs(x) < float('inf') for x in found), f'{found} is not finite'",
        f"near = [abs(a - b) <= {tolerance(dtype)!r} * (1 + abs(b)) for a, b in zip(found, expected)]",
        "assert all(near), f'{found}, expected {expected}'",
    ]


def _one_by_one(make: Factory, case: Case, dtype: str, steps: list[float]) -> list[float]:
    """Where a parameter that begins at 1 stands after each gradient."""
    p = torch.nn.Parameter(torch.ones(1, dtype=getattr(torch, dtype)))
    optimizer, found = make([p], **case.hyper), []
    for gradient in steps:
        p.grad = torch.full_like(p, gradient)
        optimizer.step()
        found.append(p.item())
    return found


def _zeros(context: Context, make: Any, case: Case, dtype: str) -> tuple[Values, Values, Values, bool]:
    """Parameters at the start and after the zeros, everything at the end, and whether some option decays something."""
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer = make(params, **case.hyper)
    start = _params_of(values(optimizer, params))
    for p in params:
        p.grad = torch.zeros_like(p)
    for _ in range(STEPS):
        optimizer.step()
    rested = _params_of(values(optimizer, params))
    decays = any("decay" in name and bool(value) for name, value in optimizer.param_groups[0].items())
    go(optimizer, params, range(STEPS, STEPS + 1), context.seed)
    return start, rested, values(optimizer, params), decays


def _params_of(all_values: Values) -> Values:
    return {name: value for name, value in all_values.items() if name.endswith(".param")}


def finite(found: Values, when: str, cause: str, *, case: Case, dtype: str) -> None:
    for name, value in found.items():
        if isinstance(value, torch.Tensor) and not bool(torch.isfinite(value).all()):
            flat = value.reshape(-1)
            k = int(torch.nonzero(~torch.isfinite(flat))[0])
            raise Failed(f"{name}[{k}] is {flat[k].item()} {when}", case=case.name, dtype=dtype, cause=cause)


@check("T13")
def constant_gradients(context: Context) -> None:
    """Gradients that stay the same for 200 steps, from 1e-6 to 1e4 in size, leave parameters and state finite."""
    if context.whole:
        raise NotApplicable("a step of it follows how gradients change, and these never do")
    dtype = context.dtypes[0]
    cause = "a difference of two averages rounds below 0 under the root"
    for case in context.cases:
        found = _constant(context, context.subject.make, case, dtype)
        try:
            with shown_by(context, functools.partial(_two_hundred, context, case, dtype)):
                finite(found, "after 200 steps of one gradient", cause, case=case, dtype=dtype)
        except Failed:
            if context.subject.listed or context.against is None:
                raise
            theirs = _constant(context, context.against.make, case, dtype)
            if all(bool(torch.isfinite(v).all()) for v in theirs.values() if isinstance(v, torch.Tensor)):
                raise
            said = f"{context.against.label}, which it is held against, gives NaN here too (case {case.name}): {cause}"
            raise NotApplicable(said) from None


def _two_hundred(context: Context, case: Case, dtype: str) -> list[str]:
    return [
        f"p = torch.nn.Parameter(torch.zeros(64, dtype=torch.{dtype}))",
        f"optimizer = {made(context, case.hyper)}",
        "for _ in range(200):",
        "    p.grad = torch.logspace(-6, 4, 64).to(p.dtype)",
        "    optimizer.step()",
        "for name, value in {'the parameter': p, **optimizer.state[p]}.items():",
        "    assert value is None or torch.as_tensor(value).isfinite().all(), f'{name} is {value}'",
    ]


def _constant(context: Context, make: Factory, case: Case, dtype: str) -> Values:
    """Parameters and state after 200 steps of one gradient: 0.9^200 is below the roundoff, the averages have met."""
    params = parameters(context.seed, ((64,),), dtype, context.device)
    optimizer = make(params, **case.hyper)
    sizes = torch.logspace(-6, 4, 64, dtype=torch.float64).to(context.device, params[0].dtype).view_as(params[0])
    for _ in range(200):
        params[0].grad = sizes.clone()  # a class that changes p.grad is another check's business
        optimizer.step()
    return values(optimizer, params)


@check("T13")
def special_gradients(context: Context) -> None:
    """An inf or NaN in one element of a gradient affects what it affects in the reference, and nothing else."""
    dtype = context.dtypes[0]
    for case in two_cases(context):
        for value in (math.nan, math.inf, -math.inf)[: 1 if context.quick else 3]:
            ours = _spread(context, context.subject.make, case, dtype, value)
            if context.against is not None:
                allowed = _spread(context, context.against.make, case, dtype, value)
                who = f"the reference ({context.against.label})"
            else:
                # What a finite change of the element reaches, the class couples by design.
                allowed, who = _spread(context, context.subject.make, case, dtype, None), "an elementwise rule"
                allowed.setdefault("p0[1]", 0.0)
                if len(allowed) > 1:
                    raise NotApplicable("the class couples elements, and there is no reference that says how far")
            beyond = sorted(set(ours) - set(allowed)) or sorted(set(allowed) - set(ours) if context.against else ())
            where = {"case": case.name, "dtype": dtype}
            for name in beyond:
                if name in ours:
                    message = f"{value} in p0[1] at step 2 changed {name} to {ours[name]}; in {who} it does not"
                    raise Failed(message, **where)
                raise Failed(f"{value} in p0[1] at step 2 left {name} as it would be; in {who} it changes it", **where)
            for name in ours if context.against else ():
                # Where elements are coupled it depends on the form of an average whether inf - inf arises in it.
                better = context.spec is not None and not context.spec.elementwise and math.isfinite(ours[name])
                if not better and math.isfinite(ours[name]) != math.isfinite(allowed[name]):
                    message = f"{value} in p0[1] at step 2 makes {name} {ours[name]}; in {who} {allowed[name]}"
                    raise Failed(message, **where)


def _spread(context: Context, make: Any, case: Case, dtype: str, value: float | None) -> dict[str, float]:
    """The elements that are not what they would have been, after a step with the value and a step without.

    value   None stands for another finite gradient of the other sign
    """
    ends = []
    for poisoned in (False, True):
        params = parameters(context.seed, dtype=dtype, device=context.device)
        optimizer = make(params, **case.hyper)
        go(optimizer, params, range(1), context.seed)
        _step_with(optimizer, params, context.seed, poisoned, value)
        go(optimizer, params, range(2, 3), context.seed)
        ends.append([p.detach().reshape(-1).tolist() for p in params])
    rows = enumerate(zip(*ends, strict=True))
    pairs = [(f"p{i}[{k}]", a, b) for i, row in rows for k, (a, b) in enumerate(zip(*row, strict=True))]
    return {name: b for name, a, b in pairs if a != b}


def _step_with(optimizer: Any, params: Params, seed: int, poisoned: bool, value: float | None) -> None:
    """Step 2, with another value in element 1 of the first gradient when poisoned."""
    gradients(seed, 1, params)
    if poisoned:
        gradient = params[0].grad
        assert gradient is not None
        element = gradient.view(-1)[1]
        element.fill_(-3 * float(element) if value is None else value)
    optimizer.step()
