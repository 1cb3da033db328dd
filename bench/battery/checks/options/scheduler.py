"""torch's schedulers drive it: the same trajectory as the group's values set by hand, and not that without one.

For OneCycleLR above all, which writes momentum or betas into the group as well as lr: an Adam that keeps the betas of
its constructor trains on without the cycle, and nothing says so. Six steps hold two falls of StepLR, and rise and
fall of OneCycleLR.
Controls: such an Adam; and every run under a schedule must differ from one without.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, StepLR

from .....scratch_impls import Case
from ...context import Context, check, parameters
from ...result import Failed, NotApplicable
from ..cases import first_and_richest
from ..differences import run_difference
from ..faults import reported_at, unless_by_design
from ..reproduction import constructor_call, reproduced_by, step_lines
from ..runs import Snapshot, clones, gradient_history, run, snapshot
from ..state import groups_of

Hyper = dict[str, Any]
SMALL = 1e-6  # parameters that steps of D-Adaptation's first rate, 1e-6 of the usual, move by more than a rounding


SCHEDULES: dict[str, Callable[..., Any]] = {
    "StepLR": lambda optimizer, lr, cycles: StepLR(optimizer, step_size=2, gamma=0.5),
    "LambdaLR": lambda optimizer, lr, cycles: LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch)),
    # Of eight steps it rises for 1.4 (pct_start is 0.3) and falls for the rest: six hold both.
    "OneCycleLR": lambda optimizer, lr, cycles: OneCycleLR(optimizer, max_lr=lr, total_steps=8, cycle_momentum=cycles),
}
SCHEDULED_OPTIONS = ("lr", "momentum", "betas")  # what torch's schedulers write into a group


class _ScheduleRecorder(Optimizer):
    """Receives a schedule's values and does nothing, so that they are known without the optimizer under judgement."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        return None


@check("T5", place=4, since="0.2")
def scheduler(context: Context) -> None:
    for case in first_and_richest(context):  # which case it is changes little here
        with reported_at(case, context.dtypes[0]):
            unless_by_design(context, case, _judge_schedules)


def _judge_schedules(context: Context, case: Case) -> None:
    start = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    history = gradient_history(context.seed, 6, start)
    probe = context.build(clones(start), **case.hyper)
    if not isinstance(probe, Optimizer):
        raise NotApplicable("torch's schedulers take subclasses of torch.optim.Optimizer only")
    lr = groups_of(probe)[0].get("lr")
    if not isinstance(lr, (int, float)) or not lr:
        raise NotApplicable(f'its group["lr"] is {lr!r}, not a number that a schedule could change')
    # OneCycleLR looks into `defaults` for what it cycles beside lr, and raises where that has neither.
    cycles = bool({"betas", "momentum"} & set(probe.defaults))
    unscheduled = _unscheduled(context, case, start, history)
    if _is_rounded_away(start, unscheduled[-1]):
        start = clones([SMALL * p.detach() for p in start])
        unscheduled = _unscheduled(context, case, start, history)
    if all(torch.equal(was, now) for was, now in zip(start, unscheduled[-1], strict=True)):
        raise NotApplicable(f"its first {len(history)} steps move nothing, under a schedule or without")
    with reproduced_by(context, functools.partial(_schedule_script, context, case.hyper, lr)):
        for name, schedule in SCHEDULES.items():
            _judge_schedule(
                context,
                case.hyper,
                name,
                functools.partial(schedule, lr=lr, cycles=cycles),
                start,
                history,
                unscheduled,
            )


def _unscheduled(context: Context, case: Case, start: Any, history: Any) -> list[Snapshot]:
    params = clones(start)
    return run(context.build(params, **case.hyper), params, history)


def _is_rounded_away(start: Any, end: Snapshot) -> bool:
    """Whether all steps together are shorter than a few roundings, so that half of one would be none."""
    moved = max(float((now - was.detach()).abs().max()) for was, now in zip(start, end, strict=True))
    return moved < 64 * torch.finfo(end[0].dtype).eps * max(float(was.detach().abs().max()) for was in start)


def _schedule_script(context: Context, hyper: Any, lr: float) -> list[str]:
    return [
        "from torch.optim.lr_scheduler import StepLR",
        "def run(way):",
        "    p = torch.nn.Parameter(torch.ones(3))",
        f"    optimizer = {constructor_call(context, hyper)}",
        "    schedule = StepLR(optimizer, step_size=1, gamma=0.5) if way == 'scheduled' else None",
        f"    for lr in {[lr, lr / 2, lr / 4, lr / 8]!r}:",
        "        optimizer.param_groups[0].update({'lr': lr} if way == 'by hand' else {})",
        "        p.grad = torch.tensor([1.0, -0.5, 2.0])",
        "        optimizer.step()",
        "        _ = schedule and schedule.step()",
        "    return p.tolist()",
        "scheduled, by_hand, constant = run('scheduled'), run('by hand'), run('constant')",
        "assert scheduled == by_hand != constant, f'{scheduled}, {by_hand} by hand, {constant} at one rate'",
    ]


def _group_value_script(context: Context, hyper: Any, key: str, values: tuple[Any, Any]) -> list[str]:
    return [
        "ends = []",
        f"for {key} in {values!r}:",
        "    p = torch.nn.Parameter(torch.ones(3))",
        f"    optimizer = {constructor_call(context, hyper)}",
        f"    optimizer.param_groups[0]['{key}'] = {key}",
        *("    " + line for line in step_lines([1.0, -0.5, 2.0])),
        "    ends.append(p.tolist())",
        f"assert ends[0] != ends[1], f'{key} changes nothing in a group: {{ends[0]}} with either of {values!r}'",
    ]


def _judge_schedule(
    context: Context, hyper: Any, name: str, schedule: Any, start: Any, history: Any, unscheduled: Any
) -> None:
    scheduled, before, values = _run_scheduled(context, hyper, name, schedule, start, history)
    by_hand = _run_by_hand(context, hyper, start, history, values)
    if difference := run_difference(scheduled, by_hand, snapshot(start)):
        raise Failed(f"{name} and the same values set by hand differ: {difference}")
    if _same_end(scheduled, unscheduled):
        raise Failed(
            f"{name} changes nothing: the parameters end where they do without it",
            cause="the group's learning rate is not read at each step",
        )
    cycled = [key for key in SCHEDULED_OPTIONS[1:] if any(key in v and v[key] != before[key] for v in values)]
    rates = [{"lr": v["lr"]} for v in values]
    if cycled and _same_end(scheduled, _run_by_hand(context, hyper, start, history, rates)):
        # A cycle that returns may change nothing, as in a rule that takes the sign of its velocity. So another value is
        # set before the first step: it must do what it does when the optimizer is built with it.
        key, other = cycled[0], next(v[cycled[0]] for v in values if v[cycled[0]] != before[cycled[0]])
        built = _run_by_hand(context, {**hyper, key: other}, start, history, rates)
        if _same_end(built, _run_by_hand(context, hyper, start, history, [{**rate, key: other} for rate in rates])):
            return
        with reproduced_by(context, functools.partial(_group_value_script, context, hyper, key, (before[key], other))):
            raise Failed(
                f'{name} cycles group["{key}"], and the parameters end where they do if it is left alone',
                cause=f"the group's {key} is not read at each step",
            )


def _run_scheduled(
    context: Context, hyper: Any, name: str, schedule: Any, start: Any, history: Any
) -> tuple[list[Snapshot], Hyper, list[Hyper]]:
    """The run under the schedule, the group before it, and the values that the schedule sets before each step."""
    params = clones(start)
    optimizer = context.build(params, **hyper)
    group = optimizer.param_groups[0]
    before = {key: value for key, value in group.items() if key != "params"}
    # With the group's own values: OneCycleLR writes betas[0] alone, beside whatever the group has for the others.
    recorder = _ScheduleRecorder([torch.nn.Parameter(torch.zeros(1))], {**optimizer.defaults, **before})
    found, values, schedules = [], [], (schedule(recorder), schedule(optimizer))
    for step, row in enumerate(history):
        values.append({key: recorder.param_groups[0][key] for key in SCHEDULED_OPTIONS if key in before})
        for key, value in values[-1].items():
            if group[key] != value:
                raise Failed(f'{name}: before step {step + 1} group["{key}"] is {group[key]!r}, scheduled is {value!r}')
        found += run(optimizer, params, [row])
        # Or LRScheduler.step would warn that it comes before the optimizer's.
        recorder.step()
        for each in schedules:
            each.step()
    return found, before, values


def _run_by_hand(context: Context, hyper: Any, start: Any, history: Any, values: list[Hyper]) -> list[Snapshot]:
    params = clones(start)
    optimizer = context.build(params, **hyper)
    return run(optimizer, params, history, lambda step: optimizer.param_groups[0].update(values[step]))


def _same_end(a: list[Snapshot], b: list[Snapshot]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a[-1], b[-1], strict=True))
