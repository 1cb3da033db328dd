"""step(closure) calls it with grad enabled, as often as it should, uses its gradients and returns its loss.

Bugs: pytorch#91581 (called with grad disabled), #1039 (not called), #116494 (called after the update), HeavyBall#10
(called twice), SOAP#21 (the loss is not returned). As often as it should is once, or as often as the reference calls.
Three steps over groups of one parameter, since a fault may begin at the second step or repeat for each group.
zero_grad() belongs to the same protocol.
Controls: an optimizer with each of these bugs.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch

from .....scratch_impls import Case
from ...context import Context, check, note, parameters
from ...result import Failed
from ..cases import cases_of
from ..differences import element_difference
from ..faults import reported_at
from ..reproduction import constructor_call, reproduced_by
from ..runs import clones, snapshot
from ..state import state_tensors


@check("T15", place=3, since="0.2")
def closure(context: Context) -> None:
    start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    source = "a first-order optimizer needs one" if context.against is None else f"as {context.against.label}"
    try:
        expected = _calls_of_the_reference(context, start)
    except TypeError:  # a reference that wants more arguments than its parameters
        expected, source = 1, "a first-order optimizer needs one"
    # All cases of a line search, whose number of trials they decide; of others no option should change the protocol.
    for case in context.cases if context.whole else cases_of(context)[:2]:
        if context.whole:
            expected = _calls_of_the_reference(context, start, **case.hyper)
        scripts = [functools.partial(lines, context, case.hyper) for lines in (_closure_script, _zero_grad_script)]
        with reported_at(case, context.dtypes[0]), reproduced_by(context, *(scripts if expected == 1 else scripts[1:])):
            params = clones(start)
            optimizer = context.build(params, **case.hyper)
            _judge_calls(*_step_with_closure(optimizer, params), expected, source)
            _judge_one_call(context, case, start, params, expected)
            grouped = not (context.whole or context.seen.several_groups)
            note(context.seen.several_groups)
            if grouped:
                _judge_three_steps(context, case, start, expected)
            _judge_zero_grad(optimizer, params)
            if grouped:
                _judge_zero_grad(*_one_group_a_parameter(context, case, start))


def _calls_of_the_reference(context: Context, start: Any, **hyper: Any) -> int:
    """How often a step of the reference calls its closure; once where there is none."""
    if context.against is None:
        return 1
    hyper = context.against.taken(hyper)
    params = clones(start)
    return len(_step_with_closure(context.against.make(params, **hyper), params)[1])


def _step_with_closure(optimizer: Any, params: list[torch.nn.Parameter]) -> tuple[Any, list[tuple[bool, float]]]:
    """What step(closure) returned, and for each call of the closure whether grad was enabled, and the loss."""
    calls: list[tuple[bool, float]] = []

    def closure() -> torch.Tensor:
        enabled = torch.is_grad_enabled()
        with torch.enable_grad():  # else backward() would raise, and the message would not name the cause
            for p in params:
                p.grad = None
            loss = torch.stack([((p - 1) ** 2).sum() for p in params]).sum()
            loss.backward()
        calls.append((enabled, float(loss.detach())))
        return loss

    return optimizer.step(closure), calls


def _judge_calls(returned: Any, calls: list[tuple[bool, float]], expected: int, source: str) -> None:
    if not all(enabled for enabled, _ in calls):
        raise Failed(
            f"grad was disabled in call {[e for e, _ in calls].index(False) + 1} of the closure, so a loss "
            "computed there has no gradient",
            cause="step() runs under no_grad and does not enable grad for the closure",
        )
    if len(calls) != expected:
        raise Failed(f"step(closure) called the closure {len(calls)} times, not {expected} ({source})")
    plain = returned.detach() if isinstance(returned, torch.Tensor) and returned.numel() == 1 else returned
    value = float(plain) if isinstance(plain, (torch.Tensor, float, int)) else None
    # The loss of any call: a line search may return its first (torch's L-BFGS) or its last.
    # Equal to the last bit: it is handed on, and nobody computes with it.
    if value is None or value not in [loss for _, loss in calls]:
        raise Failed(f"step(closure) returned {returned!r}, not the closure's loss {calls[0][1]!r}")


def _closure_script(context: Context, hyper: Any) -> list[str]:
    return [
        "p, q = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))",
        f"optimizer, other = ({constructor_call(context, hyper, '[parameter]')} for parameter in (p, q))",
        "calls = []  # whether grad was enabled",
        "def closure():",
        "    loss = (p ** 2).sum()",
        "    p.grad = 2 * p.detach()",
        "    calls.append(loss.requires_grad)",
        "    return loss",
        "returned = optimizer.step(closure)",
        "q.grad = 2 * q.detach()",
        "other.step()",
        "found, expected = (calls, returned and float(returned), p.tolist()), ([True], 3.0, q.tolist())",
        "assert found == expected, f'{found}, expected {expected}'",
    ]


def _zero_grad_script(context: Context, hyper: Any) -> list[str]:
    return [
        "p = torch.nn.Parameter(torch.ones(3))",
        f"optimizer, found = {constructor_call(context, hyper)}, []",
        "for options in ({}, {'set_to_none': False}, {'set_to_none': True}):",
        "    p.grad = torch.ones_like(p)",
        "    optimizer.zero_grad(**options)",
        "    found.append(p.grad if p.grad is None else p.grad.tolist())",
        "assert found[0] in (None, [0.0] * 3) and found[1:] == [[0.0] * 3, None], f'zero_grad() leaves {found}'",
    ]


def _judge_one_call(context: Context, case: Case, start: Any, closed: Any, calls: int) -> None:
    """After one call step(closure) has done what backward() and step() do."""
    params = clones(start)
    optimizer = context.build(params, **case.hyper)
    torch.stack([((p - 1) ** 2).sum() for p in params]).sum().backward()
    optimizer.step()
    for i, (x, y, s) in enumerate(zip(closed, params, start, strict=True)):
        if calls == 1 and (difference := element_difference(x, y, s)):
            raise Failed(f"step(closure) and backward() with step() differ in parameter {i}{difference}")


def _judge_three_steps(context: Context, case: Case, start: Any, expected: int) -> None:
    """Three steps over two groups, where the closure rules each, and as many of backward() and step()."""
    (optimizer, closed), (other, plain) = (_one_group_a_parameter(context, case, start) for _ in range(2))
    for step in range(3 if expected == 1 else 0):
        before = snapshot(closed)
        _, calls = _step_with_closure(optimizer, closed)
        if len(calls) != expected:
            raise Failed(f"step {step + 1} of one optimizer called its closure {len(calls)} times, not {expected} "
                         f"(its {len(closed)} parameters are in groups of their own)")  # fmt: skip
        torch.stack([((p - 1) ** 2).sum() for p in _without_gradients(plain)]).sum().backward()
        other.step()
        for i, (x, y, s) in enumerate(zip(closed, plain, before, strict=True)):
            if difference := element_difference(x, y, s):
                raise Failed(f"step {step + 1} with a closure and after backward() differ in parameter {i}{difference}",
                             cause="the closure is not called once and before the update")  # fmt: skip


def _without_gradients(params: list[torch.nn.Parameter]) -> list[torch.nn.Parameter]:
    """The parameters, without gradients."""
    for p in params:
        p.grad = None
    return params


def _one_group_a_parameter(context: Context, case: Case, start: Any) -> tuple[Any, list[torch.nn.Parameter]]:
    params = clones(start)
    return context.build([{"params": [p]} for p in params], **case.hyper), params


def _judge_zero_grad(optimizer: Any, params: list[torch.nn.Parameter]) -> None:
    if not hasattr(optimizer, "zero_grad"):
        raise Failed("it has no zero_grad()")
    # A class may know no set_to_none; left out, either way of clearing is right (torch's default changed in 2.0).
    accepted = inspect.signature(optimizer.zero_grad).parameters
    for keywords in ({}, {"set_to_none": False}, {"set_to_none": True}):
        if keywords and "set_to_none" not in accepted:
            continue
        for p in params:
            p.grad = torch.ones_like(p)
        before = _params_and_state(optimizer, params)
        optimizer.zero_grad(**keywords)
        if changed := [
            name
            for name, value in _params_and_state(optimizer, params).items()
            if _differs(before.pop(name, None), value)
        ]:
            raise Failed(
                f"zero_grad({_arguments(keywords)}) changed {changed[0]}", cause="zero_grad() is a step of its own"
            )
        if before:
            raise Failed(
                f"zero_grad({_arguments(keywords)}) dropped {next(iter(before))}", cause="zero_grad() drops state"
            )
        for i, p in enumerate(params):
            if p.grad is not None and bool(p.grad.any()):
                raise Failed(f"zero_grad({_arguments(keywords)}) left a nonzero gradient in parameter {i}")
            if keywords and (p.grad is None) != keywords["set_to_none"]:
                raise Failed(f"zero_grad({_arguments(keywords)}) left {p.grad!r} in parameter {i}")


def _params_and_state(optimizer: Any, params: list[torch.nn.Parameter]) -> dict[str, torch.Tensor]:
    """Copies of the parameters and of the tensors of their state."""
    found = {f"parameter {i}": p.detach().clone() for i, p in enumerate(params)}
    for i, p in enumerate(params):
        found |= {f"the state of parameter {i}: [{n!r}]": v.clone() for n, v in state_tensors(optimizer, p).items()}
    return found


def _differs(was: torch.Tensor | None, now: torch.Tensor) -> bool:
    return was is None or not torch.equal(was, now)


def _arguments(keywords: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in keywords.items())
