"""Do the group's values rule while a run goes on: a learning rate that changes, and torch's schedulers?"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, StepLR

from ....scratch_impls import Case
from ..context import Context, check, parameters
from ..result import Failed, NotApplicable
from .script import made, shown_by, stepping
from .trials import Snapshot, at, cases_of, clones, first_gap, groups_of, history, run, snapshot, unless_by_design

Hyper = dict[str, Any]


@check("T5")
def learning_rate_change(c: Context) -> None:
    """group["lr"] rules the very next step: 0 freezes, another value acts at once, the old one moves again."""
    for case in cases_of(c)[: 1 if c.whole else None]:  # a search may find one place from two first lengths
        with at(case, c.dtypes[0]):
            unless_by_design(c, case, _rate_rules)


def _rate_rules(c: Context, case: Case) -> None:
    hyper = {**case.hyper, **({"weight_decay": 0} if "weight_decay" in c.subject.options else {})}
    start = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    rows = history(c.seed, 6, start)
    frozen = _with_rates(c, hyper, start, rows, {0: 0.0, 1: 1.0})
    for i, (was, now, later) in enumerate(zip(snapshot(start), frozen[0], frozen[1], strict=True)):
        if not torch.equal(was, now):
            raise Failed(
                f'group["lr"] set to 0 before step 1, weight decay 0, and parameter {i} moved by '
                f"{float((was - now).abs().max()):.3g}",
                cause="the learning rate of the constructor is used, not the group's",
            )
        if torch.equal(now, later):
            raise Failed(f'group["lr"] back at its old value before step 2, and parameter {i} did not move')
    steady = _with_rates(c, hyper, start, rows, {})
    changed = _with_rates(c, hyper, start, rows, {3: 0.1})
    for i, (a, b) in enumerate(zip(steady[3], changed[3], strict=True)):
        if torch.equal(a, b):
            raise Failed(
                f'group["lr"] divided by 10 before step 4, and step 4 took parameter {i} exactly where it goes '
                "without the change",
                cause="a changed learning rate acts late or never",
            )


def _with_rates(c: Context, hyper: Hyper, start: Any, rows: Any, factors: dict[int, float]) -> list[Snapshot]:
    """A run whose learning rate becomes factor times the first before the steps named (from 0)."""
    params = clones(start)
    optimizer = c.build(params, **hyper)
    groups = groups_of(optimizer)
    rates: list[Any] = [group.get("lr") for group in groups]
    if not all(isinstance(rate, (int, float)) and rate for rate in rates):
        raise NotApplicable(f'its group["lr"] is {rates[0]!r}, not a number that a schedule could change')

    def before(step: int) -> None:
        for group, rate in zip(groups, rates, strict=True):
            if step in factors:
                group["lr"] = rate * factors[step]

    return run(optimizer, params, rows, before)


class _Bystander(Optimizer):
    """Receives a schedule's values and does nothing, so that they are known without the optimizer under judgement."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        return None


SCHEDULES: dict[str, Callable[..., Any]] = {
    "StepLR": lambda optimizer, lr: StepLR(optimizer, step_size=2, gamma=0.5),
    "LambdaLR": lambda optimizer, lr: LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch)),
    "OneCycleLR": lambda optimizer, lr: OneCycleLR(
        optimizer, max_lr=lr, total_steps=8, cycle_momentum=bool({"betas", "momentum"} & set(optimizer.defaults))
    ),
}


@check("T5")
def scheduler(c: Context) -> None:
    """torch's schedulers drive it: the same trajectory as the group's values set by hand, and not that without one."""
    for case in cases_of(dataclasses.replace(c, quick=True)):  # which case it is changes little here
        with at(case, c.dtypes[0]):
            unless_by_design(c, case, _schedules_rule)


def _schedules_rule(c: Context, case: Case) -> None:
    start = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
    rows = history(c.seed, 6, start)
    probe = c.build(clones(start), **case.hyper)
    if not isinstance(probe, Optimizer):
        raise NotApplicable("torch's schedulers take subclasses of torch.optim.Optimizer only")
    lr = groups_of(probe)[0].get("lr")
    if not isinstance(lr, (int, float)) or not lr:
        raise NotApplicable(f'its group["lr"] is {lr!r}, not a number that a schedule could change')
    params = clones(start)
    without = run(c.build(params, **case.hyper), params, rows)
    with shown_by(c, functools.partial(_three_ways, c, case.hyper, lr)):
        for name, schedule in SCHEDULES.items():
            _scheduled(c, case.hyper, name, functools.partial(schedule, lr=lr), start, rows, without)


def _three_ways(c: Context, hyper: Any, lr: float) -> list[str]:
    return [
        "from torch.optim.lr_scheduler import StepLR",
        "def run(way):",
        "    p = torch.nn.Parameter(torch.ones(3))",
        f"    optimizer = {made(c, hyper)}",
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


def _in_the_group(c: Context, hyper: Any, key: str, values: tuple[Any, Any]) -> list[str]:
    return [
        "ends = []",
        f"for {key} in {values!r}:",
        "    p = torch.nn.Parameter(torch.ones(3))",
        f"    optimizer = {made(c, hyper)}",
        f"    optimizer.param_groups[0]['{key}'] = {key}",
        *("    " + line for line in stepping([1.0, -0.5, 2.0])),
        "    ends.append(p.tolist())",
        f"assert ends[0] != ends[1], f'{key} changes nothing in a group: {{ends[0]}} with either of {values!r}'",
    ]


DRIVEN = ("lr", "momentum", "betas")  # what torch's schedulers write into a group


def _scheduled(c: Context, hyper: Any, name: str, schedule: Any, start: Any, rows: Any, without: Any) -> None:
    params = clones(start)
    optimizer = c.build(params, **hyper)
    group = optimizer.param_groups[0]
    plain = {key: value for key, value in group.items() if key != "params"}
    bystander = _Bystander([torch.nn.Parameter(torch.zeros(1))], {**optimizer.defaults, **plain})
    known, driving, values, driven = schedule(bystander), schedule(optimizer), [], []
    for step, row in enumerate(rows):
        values.append({key: bystander.param_groups[0][key] for key in DRIVEN if key in plain})
        for key, value in values[-1].items():
            if group[key] != value:
                raise Failed(f'{name}: before step {step + 1} group["{key}"] is {group[key]!r}, scheduled is {value!r}')
        driven += run(optimizer, params, [row])
        bystander.step()
        known.step()
        driving.step()
    if told := first_gap(driven, _by_hand(c, hyper, start, rows, values), snapshot(start)):
        raise Failed(f"{name} and the same values set by hand differ: {told}")
    if _same(driven, without):
        raise Failed(f"{name} changes nothing: the parameters end where they do without it",
                     cause="the group's learning rate is not read at each step")  # fmt: skip
    cycled = [key for key in DRIVEN[1:] if any(key in v and v[key] != plain[key] for v in values)]
    rates = [{"lr": v["lr"]} for v in values]
    if cycled and _same(driven, _by_hand(c, hyper, start, rows, rates)):
        # A cycle that returns may change nothing, as in a rule that takes the sign of its velocity. So another value is
        # set before the first step: it must do what it does when the optimizer is built with it.
        key, other = cycled[0], next(v[cycled[0]] for v in values if v[cycled[0]] != plain[cycled[0]])
        built = _by_hand(c, {**hyper, key: other}, start, rows, rates)
        if _same(built, _by_hand(c, hyper, start, rows, [{**rate, key: other} for rate in rates])):
            return
        with shown_by(c, functools.partial(_in_the_group, c, hyper, key, (plain[key], other))):
            raise Failed(f'{name} cycles group["{key}"], and the parameters end where they do if it is left alone',
                         cause=f"the group's {key} is not read at each step")  # fmt: skip


def _by_hand(c: Context, hyper: Any, start: Any, rows: Any, values: list[Hyper]) -> list[Snapshot]:
    params = clones(start)
    optimizer = c.build(params, **hyper)
    return run(optimizer, params, rows, lambda step: optimizer.param_groups[0].update(values[step]))


def _same(a: list[Snapshot], b: list[Snapshot]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a[-1], b[-1], strict=True))
