"""float16 and bfloat16: judged step by step, since right implementations soon drift apart there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from .....scratch_impls import Case, Spec
from ....compare import scenario
from ....compare.gap import Replay
from ....compare.replay import replay
from ....compare.scenario import Scenario
from ...context import Context, declared, gradients, parameters
from ...result import Failed, NotApplicable
from ..cases import cases_of
from ..histories import probe
from ..option_values import learning_rate_option
from ..runs import take_steps
from ..state import named_state

Hyper = dict[str, Any]


def require_range(context: Context, dtype: str) -> None:
    if context.whole:
        raise NotApplicable(f"its products of gradients leave the range of {dtype} or its digits, in the reference too")


def judge_low_precision(context: Context, dtype: str) -> None:
    declared(context, dtype)
    require_range(context, dtype)
    _judge_step_counters(context, dtype)
    if context.against is None or context.spec is None:
        return
    history = low_precision_scenario(context.seed, probe(context, context.seed, steps=12, shapes=LOW_PRECISION_SHAPES))
    for case in cases_of(context):
        hyper, ours = _options_of_both(context, case, in_range_of_the_format(case, context.spec))
        lockstep = functools.partial(
            replay, context.spec, hyper, context.subject.make, context.against.make, history, device=context.device,
            our_hyper=ours, equal_params=True,
        )  # fmt: skip
        states = "shared" if context.subject.listed else _states_that_agree(lockstep)
        try:
            result = lockstep(dtype=dtype, states=states)
        except RuntimeError as error:
            raise Failed(f"step() raised RuntimeError: {error}", case=case.name, dtype=dtype) from error
        gap = result.first_failure()
        if gap is not None:
            dtypes = sorted({str(t.dtype) for t in _state_tensors(context, case, dtype)})
            raise Failed(f"{gap}; its state is held in {', '.join(dtypes) or 'no tensor'}", case=case.name, dtype=dtype)


def _states_that_agree(lockstep: Callable[..., Replay]) -> tuple[str, ...]:
    """The names of the state that is the reference's in float32: what is kept otherwise there is so here as well."""
    try:
        found = lockstep(dtype="float32", states="shared")
    except Exception:  # it does not take float32: the checks of that tell of it
        return ()
    ends = [*(first for _, first in found.slots[1:]), found.gap_bounds.shape[1]]
    gap = {(name, a): found.gap_bounds[:, a:b].max() for (name, a), b in zip(found.slots, ends, strict=True) if a < b}
    apart = {name.rpartition(".")[2] for (name, _), worst in gap.items() if worst > 1}
    return tuple({name.rpartition(".")[2] for name, _ in gap} - apart - {"param"})


def _options_of_both(context: Context, case: Case, hyper: Hyper) -> tuple[Hyper, Hyper]:
    """What the reference gets, and what the subject does, which may call its rate otherwise or not take a value."""
    subject = context.subject
    accepted = {n: v for n, v in hyper.items() if n in subject.options or n in case.hyper or subject.catch_all}
    rate = learning_rate_option(context, case.hyper) if "lr" in set(hyper) - set(accepted) else ""
    if rate:
        return {**accepted, "lr": hyper["lr"]}, {**accepted, rate: hyper["lr"]}
    return accepted, accepted


def in_range_of_the_format(case: Case, spec: Spec) -> Hyper:
    """The case with an eps and a rate that are ordinary numbers of a narrow format, also after a few factors.

    Where a rate of 1e-3 is scaled by what a rule corrects, it is a subnormal of float16, and whose digits are lost then
    depends on the order in which a right implementation multiplies.
    """
    hyper = dict(case.hyper)
    if isinstance(spec.defaults.get("eps"), float):
        hyper["eps"] = 1e-2
    lr = spec.hyper(**hyper).get("lr")
    if isinstance(lr, float) and 0 < lr < LEAST_RATE:
        hyper["lr"] = LEAST_RATE
    return hyper


LEAST_RATE = 2.0**-4  # a power of two: the same number in every format


LOW_PRECISION_SHAPES = ((4, 5), (37,), ())


def low_precision_scenario(seed: int, history: Scenario | None = None, steps: int = 12) -> Scenario:
    """Steps with every gradient from 1/8 to 15 in size: zeros and tiny ones are another check's business.

    Above 255 the square is inf in float16, and above 15 the product of two averages of squares, as Adafactor has it;
    only who computes wider (addcmul, fused kernels), or divides before, has a number there.
    """

    def clipped(gradient: Any) -> Any:
        return None if gradient is None else np.where(gradient < 0, -1, 1) * np.clip(np.abs(gradient), 0.125, 15)

    history = history or scenario.probe(seed, steps=steps, shapes=LOW_PRECISION_SHAPES)
    return replace(history, gradients=tuple(tuple(clipped(g) for g in row) for row in history.gradients))


def _state_tensors(context: Context, case: Case, dtype: str) -> list[torch.Tensor]:
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer = context.build(params, **case.hyper)
    take_steps(optimizer, params, range(2), context.seed)
    return [t for t in named_state(optimizer, params).values() if isinstance(t, torch.Tensor)]


def _judge_step_counters(context: Context, dtype: str) -> None:
    """260 steps, saved and loaded, 10 more: bfloat16 has no 257, so a counter held in it stays at 256."""
    case = context.cases[0]  # counting depends on no option
    params = parameters(context.seed, ((1,),), dtype, context.device)
    optimizer = context.build(params, **case.hyper)
    gradients(context.seed, 0, params)
    counters: set[str] = set()
    for step in range(1, 271):
        if step == 261:
            saved = optimizer.state_dict()
            optimizer = context.build(params, **case.hyper)
            optimizer.load_state_dict(saved)
        optimizer.step()
        now = {k: float(v) for k, v in named_state(optimizer, params).items() if _is_number(v)}
        if step in (2, 3):  # whatever the state calls it: what reads 2 after two steps and 3 after three is a counter
            counting = {k for k, v in now.items() if v == step}
            counters = counting if step == 2 else counters & counting
        for name in counters if step > 3 else ():
            if now.get(name) != step:
                kind = named_state(optimizer, params).get(name)
                dtypes = getattr(kind, "dtype", type(kind).__name__)
                message = f"{name} is {now.get(name)} ({dtypes}) after {step} steps, saved and loaded after 260"
                cause = "a step count in a narrow format stops counting"
                raise Failed(message, case=case.name, dtype=dtype, cause=cause)


def _is_number(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1 and value.dim() == 0
    return isinstance(value, (int, float)) and not isinstance(value, bool)
