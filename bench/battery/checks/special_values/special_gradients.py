"""An inf or NaN in one element of a gradient affects what it affects in the reference, and nothing else.

Bugs: optax#1789 (NaN is taken for 0), OneTrainer#996 (a gradient with inf is left out), mxnet#6235 (one NaN reaches
all elements). Loops look for NaN to stop or skip, so it must not be hidden, and not spread further than the rule
couples. At step 2, since a first step is special in many rules. Without a reference, another finite value in that
element tells what the rule couples.
Controls: an optimizer with each of these bugs.
"""

from __future__ import annotations

import math
from typing import Any

from .....scratch_impls import Case
from ...context import Context, check, gradients, not_by_design, parameters
from ...result import Failed, NotApplicable
from ..cases import first_and_richest
from ..runs import Params, take_steps


@check("T13", place=4, since="0.2")
def special_gradients(context: Context) -> None:
    not_by_design(context, "stochastic")  # other gradients draw other numbers
    dtype = context.dtypes[0]
    for case in first_and_richest(context):
        for value in (math.nan, math.inf, -math.inf)[: 1 if context.quick else 3]:
            _judge_value(context, case, dtype, value)


def _judge_value(context: Context, case: Case, dtype: str, value: float) -> None:
    ours = _affected_elements(context, context.subject.make, case, dtype, value)
    if context.against is None:
        _judge_without_reference(context, case, dtype, value, ours)
        return
    theirs = _affected_elements(context, context.against.make, case, dtype, value)
    where = {"case": case.name, "dtype": dtype}
    what, who = f"{value} in p0[1] at step 2", f"the reference ({context.against.label})"
    for name in sorted(set(ours) - set(theirs)):
        raise Failed(f"{what} changed {name} to {ours[name]}; in {who} it does not", **where)
    coupled = context.spec is not None and not context.spec.elementwise
    for name in sorted(set(theirs) - set(ours)):
        # A formula of coupled elements may carry NaN further than its rule does: `1 + 0 * x` for a 1 of x's shape.
        if coupled and not math.isfinite(theirs[name]):
            continue
        raise Failed(f"{what} left {name} as it would be; in {who} it changes it", **where)
    for name in ours:
        # Where elements are coupled it depends on the form of an average whether inf - inf arises in it.
        better = coupled and math.isfinite(ours[name])
        if not better and math.isfinite(ours[name]) != math.isfinite(theirs[name]):
            raise Failed(f"{what} makes {name} {ours[name]}; in {who} {theirs[name]}", **where)


def _judge_without_reference(context: Context, case: Case, dtype: str, value: float, ours: dict[str, float]) -> None:
    """What a finite change of the element reaches, the class couples by design; what NaN reaches beyond is a fault."""
    coupled = {*_affected_elements(context, context.subject.make, case, dtype, None), "p0[1]"}
    if len(coupled) > 1:
        raise NotApplicable("the class couples elements, and there is no reference that says how far")
    for name in sorted(set(ours) - coupled):
        raise Failed(
            f"{value} in p0[1] at step 2 changed {name} to {ours[name]}; in an elementwise rule it does not",
            case=case.name, dtype=dtype,
        )  # fmt: skip


def _affected_elements(context: Context, make: Any, case: Case, dtype: str, value: float | None) -> dict[str, float]:
    """The elements that are not what they would have been, after a step with the value and a step without.

    value   None stands for another finite gradient of the other sign
    """
    ends = []
    for poisoned in (False, True):
        params = parameters(context.seed, dtype=dtype, device=context.device)
        optimizer = make(params, **case.hyper)
        take_steps(optimizer, params, range(1), context.seed)
        _second_step(optimizer, params, context.seed, poisoned, value)
        take_steps(optimizer, params, range(2, 3), context.seed)
        ends.append([p.detach().reshape(-1).tolist() for p in params])
    rows = enumerate(zip(*ends, strict=True))
    pairs = [(f"p{i}[{k}]", a, b) for i, row in rows for k, (a, b) in enumerate(zip(*row, strict=True))]
    return {name: b for name, a, b in pairs if a != b}


def _second_step(optimizer: Any, params: Params, seed: int, poisoned: bool, value: float | None) -> None:
    """Step 2, with another value in element 1 of the first gradient when poisoned."""
    gradients(seed, 1, params)
    if poisoned:
        gradient = params[0].grad
        assert gradient is not None
        element = gradient.view(-1)[1]
        element.fill_(-3 * float(element) if value is None else value)
    optimizer.step()
