"""State saved by the subject continues in the reference, and the reverse, where both name it alike.

For a port that should go on from checkpoints of its reference, or the reverse. Names that agree prove little: one
that keeps its average corrected for its bias loads without an error, and steps by another scale.
Control: such an Adam. And both sides must agree without any exchange first, to a tenth of the tolerance.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from .....scratch_impls import Case
from ...context import EXECUTION, Context, check, not_by_design, parameters
from ...result import NotApplicable
from ..cases import best_dtype, cases_of
from ..differences import require_equal, tolerance, values_difference
from ..reproduction import constructor_call, parameter_line, reproduced_by, step_lines
from ..runs import Params, clones, take_steps
from ..state import Values, named_state, named_values, state_of, state_of_all

BEFORE, AFTER = 5, 10  # steps before and after the exchange

Side = tuple[Optimizer, Params]


@check("T9", place=6, since="0.2")
def state_exchange(context: Context) -> None:
    if context.against is None:
        raise NotApplicable("there is no reference to exchange state with")
    not_by_design(context, "group-state", "stochastic")
    dtype, makes = best_dtype(context), (context.subject.make, context.against.make)
    exchanged = False
    for case in cases_of(context):
        ours, theirs = (_before_exchange(make, context, case, dtype) for make in makes)
        names, others = (_state_names(*side) for side in (ours, theirs))
        if other := next((type(s).__name__ for p in ours[1] if not isinstance(s := state_of(ours[0], p), Mapping)), ""):
            raise NotApplicable(f"its state of a parameter is no dict but a {other}, which the reference cannot read")
        if sides := state_of_all(*ours):
            raise NotApplicable(
                f"it keeps state of all parameters together, which is not exchanged: {', '.join(sides)}"
            )
        if names != others:
            different = ", ".join(sorted(names ^ others))
            raise NotApplicable(f"the state of the two has different names (case {case.name}): {different}")
        if not names:
            continue
        _require_agreement(context, case, dtype, ours, theirs)
        exchanged = True
        _judge_exchange(context, case, dtype, ours, theirs, makes[1], "loaded by the reference")
        _judge_exchange(context, case, dtype, theirs, ours, makes[0], "loaded by the subject")
    if not exchanged:
        raise NotApplicable("neither side keeps any state in these cases")


def _require_agreement(context: Context, case: Case, dtype: str, ours: Side, theirs: Side) -> None:
    """Both sides must step alike by themselves."""
    assert context.against is not None
    ends = [_before_exchange(make, context, case, dtype) for make in (context.subject.make, context.against.make)]
    for side in ends:
        take_steps(*side, range(BEFORE, AFTER), context.seed)
    # A tenth: what they differ by without any exchange must not be what an exchange is blamed for.
    allowed = tolerance(dtype) / 10
    for a, b in ((ours, theirs), ends):
        if values_difference(_exchanged_values(*a), _exchanged_values(*b), allowed):
            raise NotApplicable(f"subject and reference disagree without any exchange (case {case.name})")


def _judge_exchange(context: Context, case: Case, dtype: str, source: Side, other: Side, make: Any, way: str) -> None:
    """What the source saved goes on in a fresh optimizer of the other side, beside the source itself."""
    fresh = clones(source[1])
    assert context.against is not None
    receiver = make(fresh, **(context.against.taken(case.hyper) if make is context.against.make else case.hyper))
    count = next((value for name, value in named_state(*other).items() if name.endswith(".step")), None)
    receiver.load_state_dict(_adapted_to(source[0].state_dict(), receiver, count))
    scripts = [functools.partial(lines, context, case, dtype) for lines in (_saving_script, _loading_script)]
    for step in range(BEFORE, AFTER):
        for optimizer, params in (source, (receiver, fresh)):
            take_steps(optimizer, params, range(step, step + 1), context.seed)
        what = f"step {step + 1}, state of step {BEFORE} {way}, against the unbroken run"
        ours, theirs = _exchanged_values(receiver, fresh), _exchanged_values(*source)
        with reproduced_by(context, *scripts):
            require_equal(ours, theirs, what, case=case, dtype=dtype, allowed=tolerance(dtype))


GRADIENTS = (1.0, -0.5, 2.0, 0.25, -1.0)  # of the scripts, one for each step before and after


def _saving_script(context: Context, case: Case, dtype: str) -> list[str]:
    """The subject's state_dict beside that of the reference, after the same steps of one parameter."""
    assert context.against is not None
    optimizer, _ = _after_steps(context.against.make, case, dtype)
    saved = {k: v for k, v in optimizer.state_dict()["state"][0].items() if v is not None and k != "step"}
    return [
        parameter_line([1.0], dtype),
        f"optimizer = {constructor_call(context, case.hyper)}",
        *step_lines(list(GRADIENTS)),
        "found = optimizer.state_dict()['state'][0]",
        f"expected = {_literal(saved)}",
        "for name, value in expected.items():",
        f"    near = torch.allclose(found[name], value, {tolerance(dtype)!r})",
        "    assert near, f'{name} is {found[name]}, expected {value}'",
    ]


def _loading_script(context: Context, case: Case, dtype: str) -> list[str]:
    """The subject continues from what the reference saved; expected is where the reference goes on to."""
    assert context.against is not None
    theirs, p = _after_steps(context.against.make, case, dtype)
    ours, _ = _after_steps(context.subject.make, case, dtype)
    count = next((state["step"] for state in ours.state.values() if isinstance(state, dict) and "step" in state), None)
    saved, start = _adapted_to(theirs.state_dict(), ours, count), p.item()
    _steps(theirs, p)
    return [
        f"saved = {_literal(saved)}",
        parameter_line([start], dtype),
        f"optimizer = {constructor_call(context, case.hyper)}",
        "optimizer.load_state_dict(saved)",
        *step_lines(list(GRADIENTS)),
        f"near = abs(p.item() - {p.item()!r}) <= {tolerance(dtype) * (1 + abs(p.item()))!r}",
        f"assert near, f'{{p.item()}}, expected {p.item()!r}'",
    ]


def _after_steps(make: Any, case: Case, dtype: str) -> tuple[Optimizer, torch.nn.Parameter]:
    p = torch.nn.Parameter(torch.ones(1, dtype=getattr(torch, dtype)))
    optimizer = make([p], **case.hyper)
    _steps(optimizer, p)
    return optimizer, p


def _steps(optimizer: Optimizer, p: torch.nn.Parameter) -> None:
    for gradient in GRADIENTS:
        p.grad = torch.full_like(p, gradient)
        optimizer.step()


def _literal(value: Any) -> str:
    """Python for it; a tensor's own repr is rounded."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {_literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        inside = "".join(f"{_literal(inner)}, " for inner in value)
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    return f"torch.tensor({value.tolist()!r}, dtype={value.dtype})" if isinstance(value, torch.Tensor) else repr(value)


def _before_exchange(make: Any, context: Context, case: Case, dtype: str) -> tuple[Optimizer, Params]:
    params = parameters(context.seed, dtype=dtype, device=context.device)
    theirs = context.against is not None and make is context.against.make
    optimizer = make(params, **(context.against.taken(case.hyper) if theirs and context.against else case.hyper))
    take_steps(optimizer, params, range(BEFORE), context.seed)
    return optimizer, params


def _state_names(optimizer: Optimizer, params: Params) -> set[str]:
    """What the state holds, but the step count: some rules need none, and their classes differ in keeping one."""
    return {k for k, v in named_state(optimizer, params).items() if v is not None and not k.endswith(".step")}


def _exchanged_values(optimizer: Optimizer, params: Params) -> Values:
    """Parameters and what _names names."""
    names = _state_names(optimizer, params)
    return {k: v for k, v in named_values(optimizer, params).items() if k in names or k.endswith(".param")}


def _adapted_to(saved: dict[str, Any], receiver: Optimizer, count: Any) -> dict[str, Any]:
    """The saved dict with the receiver's own options where the sender has none, and its own of execution.

    count       a step count as the receiver keeps it, or None: a sender may have none, or a number of another type,
                and 1 - 0.999**t of a float32 tensor is not that of an int
    """
    saved = copy.deepcopy(saved)
    # foreach and fused too: they are the sender's way of execution, which torch would take over from the dict.
    for group, own in zip(saved["param_groups"], receiver.state_dict()["param_groups"], strict=True):
        # None says nothing that the receiver could take: such as an lr that the sender finds by itself.
        group.update({k: v for k, v in own.items() if group.get(k) is None or k in EXECUTION})
    states = [state for state in saved["state"].values() if isinstance(state, dict)]
    for state in states if count is not None else ():
        steps = float(state.get("step", BEFORE))
        state["step"] = torch.full_like(count, steps) if isinstance(count, torch.Tensor) else type(count)(steps)
    return saved
