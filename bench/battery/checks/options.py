"""Does every option do something, and does maximize do what it says?"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Container, Iterator, Mapping
from typing import Any

import torch

from ..context import Context, check, parameters, subject_of
from ..result import Failed, NotApplicable
from .script import Named, made, shown_by
from .trials import Snapshot, at, cases_of, clones, first_gap, history, run, snapshot, state_of

Hyper = dict[str, Any]

# An option that is read changes results by far more than this many roundings of the largest parameter; one that only
# reorders the arithmetic stays below.
EFFECT_ROUNDINGS = 16


class _Trials:
    """Runs over one history in which most options can show: each result is kept, since bases come again and again.

    Elements have gradients of 1, 1e-3, 1e-6 and 1e-9 (eps), steps grow and shrink (maxima, averages), parameters are
    not 0 (weight decay), and the learning rate falls in the middle (whether a buffer holds it).
    """

    def __init__(self, c: Context) -> None:
        self.context = c
        self.kept: dict[str, Snapshot | None] = {}
        self.dtype = "float64" if "float64" in c.dtypes else c.dtypes[0]
        self.start = parameters(c.seed, ((4, 2), (3,)), self.dtype, c.device)
        self.rows = history(c.seed, 8, self.start)
        for row, size in zip(self.rows, (1.0, 10.0, 0.1, 1e-2, 1.0, 1e-2, 1e-3, 0.1), strict=True):
            for g in row:
                flat = g.view(-1)  # type: ignore[union-attr]
                flat *= size * 10.0 ** -(3.0 * (torch.arange(flat.numel(), device=flat.device) % 4)).to(flat.dtype)

    def __call__(self, hyper: Mapping[str, Any]) -> Snapshot | None:
        """Where these hyperparameters lead; None where the optimizer refuses them."""
        key = repr(sorted(hyper.items()))
        if key not in self.kept:
            try:
                self.kept[key] = self._run(hyper)
            except Exception:  # out of range, or a combination that is not there: a trial, not a fault
                self.kept[key] = None
        return self.kept[key]

    def _run(self, hyper: Mapping[str, Any]) -> Snapshot:
        params = clones(self.start)
        optimizer = self.context.build(params, **hyper)
        groups = getattr(optimizer, "param_groups", [])

        def before(step: int) -> None:
            for group in groups if step == 4 else ():
                if isinstance(group.get("lr"), float):
                    group["lr"] *= 0.1

        end = run(optimizer, params, self.rows, before)[-1]
        results = self.context.spec.results if self.context.spec else ()  # what an option may be for, as ASGD's t0
        kept = [state_of(optimizer, p).get(name) for p in params for name in results]
        return end + [value.detach().clone() for value in kept if isinstance(value, torch.Tensor)]


def _changed(a: Snapshot, b: Snapshot) -> bool:
    for x, y in zip(a, b, strict=True):
        both_nan = x.isnan() & y.isnan()  # a value out of range often gives NaN, which is no sign of an effect
        near = (x - y).abs() <= EFFECT_ROUNDINGS * torch.finfo(x.dtype).eps * x.nan_to_num(0.0, 0.0, 0.0).abs().max()
        if not bool((near | both_nan | (x == y)).all()):
            return True
    return False


def _numbers(value: float) -> Iterator[float]:
    """Other values that an option with this one may take, the nearest kin first."""
    if isinstance(value, int) and value > 1:
        yield from (value + 1, value - 1, 1, 2 * value)
    yield from (value / 2, 2 * value) if value else ()
    yield from (0.1, 0.5, 0.9, 1e-2, 1.0, 2, 0)


def _others(value: Any) -> Iterator[tuple[str, Any]]:
    """(which part of it, another value) for a bool, a number or a tuple of numbers; nothing for anything else."""
    if isinstance(value, bool):
        yield "", not value
    elif isinstance(value, (int, float)):
        yield from (("", other) for other in _numbers(value) if other != value)
    elif isinstance(value, (tuple, list)):
        for i, part in enumerate(value):
            for _, other in _others(part):
                yield f"[{i}]", (*value[:i], other, *value[i + 1 :])


def _bases(c: Context) -> Iterator[Hyper]:
    """Where an option may show: each case, then each with one other option changed."""
    found = [dict(case.hyper) for case in cases_of(c, every=True)]
    yield from found
    for base in found:
        for name, default in c.subject.options.items():
            # Only with these may another option matter: nesterov needs momentum, a place for decay needs decay, and a
            # way to scale what decays needs both.
            for _, other in list(_others(base.get(name, default)))[:4]:
                yield {**base, name: other}


def effects(c: Context, only: Container[str] | None = None) -> dict[str, str]:
    """For every option, or part of a tuple: "effect", "ignored", or "every value that was tried is refused".

    only    those that are looked at; all unless given
    """
    trial = _Trials(c)
    found: dict[str, str] = {}
    if trial(cases_of(c)[0].hyper) is None:
        params = clones(trial.start)
        with at(cases_of(c)[0], trial.dtype):
            run(c.build(params, **cases_of(c)[0].hyper), params, trial.rows)
    for name, default in c.subject.options.items():
        values = [default, *(case.hyper[name] for case in c.cases if name in case.hyper)]
        values = [value for value in values if value is not inspect.Parameter.empty and value is not None]
        for part in dict.fromkeys(part for value in values for part, _ in _others(value)):
            if only is None or name + part in only:
                found[name + part] = _effect(c, trial, name, part, values)
    return found


def _effect(c: Context, trial: _Trials, name: str, part: str, values: list[Any]) -> str:
    accepted = False
    for base in _bases(c):
        was = base.get(name, values[0])
        here = trial(base)
        if here is None:
            continue
        for other in [value for p, value in _others(was) if p == part]:
            there = trial({**base, name: other})
            accepted = accepted or there is not None
            if there is not None and _changed(here, there):
                return "effect"
    return "ignored" if accepted else "every value that was tried is refused"


@check("T3")
def options_have_effect(c: Context) -> None:
    """Every numeric option, switch and part of a tuple changes the result somewhere."""
    found = effects(c)
    if not found:
        raise NotApplicable("its signature names no option that is a number, a switch or a tuple of numbers")
    ignored = [name for name, verdict in found.items() if verdict == "ignored"]
    reference = c.of_the_reference
    if ignored and reference is not None:  # what moves no parameter in the reference either need not
        theirs = effects(reference, ignored)
        ignored = [name for name in ignored if theirs.get(name) != "ignored"]
    refused = [name for name, verdict in found.items() if verdict not in ("effect", "ignored")]
    also = f"; no other value of {', '.join(refused)} was accepted" if refused else ""
    if ignored:
        with shown_by(c, lambda: _two_values(c, ignored[0])):
            raise Failed(
                f"{', '.join(ignored)}: no value that was tried changes a parameter in 8 steps, from any of the "
                f"{len(cases_of(c, every=True))} cases nor with another option changed as well{also}",
                cause=f"ignored: {', '.join(ignored)}",
            )
    if len(refused) == len(found):
        raise NotApplicable(f"no value but the default was accepted for {', '.join(refused)}")


def _two_values(c: Context, option: str) -> list[str]:
    """Runs from a base in which the option changes what the reference does; without one, from the richest case."""
    name, trial = option.partition("[")[0], _Trials(c)
    theirs = None if c.against is None else _Trials(dataclasses.replace(c, subject=subject_of(c.against.make, "")))
    for base in ({**hyper} for hyper in (c.richest.hyper, *_bases(c))):
        was = base.get(name, c.subject.options[name])
        for other in [value for part, value in _others(was) if name + part == option]:
            changed = {**base, name: other}
            if trial(changed) is not None and (theirs is None or _moves(theirs(base), theirs(changed))):
                return _ends(c, base, name, (was, other))
    return []


def _moves(a: Snapshot | None, b: Snapshot | None) -> bool:
    return a is not None and b is not None and _changed(a, b)


def _ends(c: Context, base: Hyper, name: str, values: tuple[Any, Any]) -> list[str]:
    rest = {n: value for n, value in base.items() if n != name}
    return [
        "ends = []",
        f"for {name} in {values!r}:",
        "    torch.manual_seed(0)",
        "    p = torch.nn.Parameter(torch.randn(8, dtype=torch.float64))",
        f"    optimizer = {made(c, {**rest, name: Named(name)})}",
        "    for size in (1.0, 10.0, 0.1, 1e-2, 1.0, 1e-2, 1e-3, 0.1):",
        "        p.grad = size * torch.randn(8) * torch.logspace(0, -9, 8, dtype=torch.float64)",
        "        optimizer.step()",
        "    ends.append(p.tolist())",
        f"assert ends[0] != ends[1], f'{name} changes nothing: {{ends[0]}} with either of {values!r}'",
    ]


@check("T4")
def maximize(c: Context) -> None:
    """maximize with gradient g is minimising with -g, weight decay included."""
    if "maximize" not in c.subject.options:
        raise NotApplicable("it has no option maximize")
    decay = [{}, {"weight_decay": 0.1}] if "weight_decay" in c.subject.options else [{}]
    for case in cases_of(c):
        start = parameters(c.seed, dtype=c.dtypes[0], device=c.device)
        rows = history(c.seed, 5, start)
        negative = [[None if g is None else -g for g in row] for row in rows]
        for extra in decay:
            hyper, found = {**case.hyper, **extra}, []
            with at(case, c.dtypes[0]):
                for on, signed in ((True, rows), (False, negative)):
                    params = clones(start)
                    found.append(run(c.build(params, **{**hyper, "maximize": on}), params, signed))
                if told := first_gap(found[0], found[1], snapshot(start)):
                    decayed = f"weight_decay={hyper.get('weight_decay', 'default')!r}"
                    raise Failed(f"maximize on g and minimise on -g differ with {decayed}: {told}",
                                 cause="the sign is turned after weight decay, or not at all")  # fmt: skip


# The report follows the order of registration: learning rates and schedulers, then what else may change.
# ruff: isort: off
from . import rates  # noqa: E402
from . import changed  # noqa: E402

_ = (rates, changed)
