"""Whether an option changes the result: runs with other values of it, from every case and beside other options."""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterator, Mapping
from typing import Any

import torch

from ...context import Context, parameters
from ...global_state import seed_torch
from ..cases import best_dtype, cases_of
from ..faults import reported_at
from ..runs import Snapshot, clones, gradient_history, rest_of, run
from ..state import state_of

Hyper = dict[str, Any]


# An option that is read changes results by far more than this many roundings of the largest parameter; one that only
# reorders the arithmetic stays below.
EFFECT_ROUNDINGS = 16
NEAREST = 4  # values of an option beside those of another: all pairs of values would be a thousand runs more
NARROW = (torch.bfloat16, torch.float16)


class OptionRuns:
    """Runs over one history in which most options can show: each result is kept, since bases come again and again.

    Elements have gradients of 1, 1e-3, 1e-6 and 1e-9 (eps), steps grow and shrink (maxima, averages), parameters are
    not 0 (weight decay), and the learning rate falls in the middle (whether a buffer holds it) and ends above its first
    value (what weighs a step by the largest rate so far, as schedule-free optimizers do).
    """

    def __init__(self, context: Context, dtype: str = "") -> None:
        self.context = context
        self.kept: dict[str, Snapshot | None] = {}
        self.dtype = dtype or best_dtype(context)
        self.start = parameters(context.seed, ((4, 2), (3,)), self.dtype, context.device)
        rest = rest_of(context, cases_of(context)[0], self.dtype)
        self.history = gradient_history(context.seed, 8 + rest, self.start)
        self.changes = {4 + rest: 0.1, 6 + rest: 20.0}  # factors of the rate
        for row, size in zip(self.history[rest:], (1.0, 10.0, 0.1, 1e-2, 1.0, 1e-2, 1e-3, 0.1), strict=True):
            for g in row:
                flat = g.view(-1)  # type: ignore[union-attr]
                flat *= size * 10.0 ** -(3.0 * (torch.arange(flat.numel(), device=flat.device) % 4)).to(flat.dtype)

    def __call__(self, hyper: Mapping[str, Any]) -> Snapshot | None:
        """Where these hyperparameters lead; None where the optimizer refuses them."""
        # By the text, in which 1 and True differ, as they do to an optimizer.
        key = repr(sorted(hyper.items()))
        if key not in self.kept:
            try:
                # devices=[]: else it would save the state of every CUDA device, and start CUDA where there is one.
                with torch.random.fork_rng(devices=[]):
                    self.kept[key] = self._run(hyper)
            except Exception:  # out of range, or a combination that is not there: a trial, not a fault
                self.kept[key] = None
        return self.kept[key]

    def _run(self, hyper: Mapping[str, Any]) -> Snapshot:
        params = clones(self.start)
        seed_torch(self.context.seed)  # one that draws random numbers draws the same in each run
        optimizer = self.context.build(params, **hyper)
        groups = getattr(optimizer, "param_groups", [])

        def before(step: int) -> None:
            for group in groups if step in self.changes else ():
                if isinstance(group.get("lr"), float):
                    group["lr"] *= self.changes[step]

        end = run(optimizer, params, self.history, before)[-1]
        results = self.context.spec.results if self.context.spec else ()  # what an option may be for, as ASGD's t0
        kept = [state_of(optimizer, p).get(name) for p in params for name in results]
        return end + [value.detach().clone() for value in kept if isinstance(value, torch.Tensor)]


def changed(a: Snapshot, b: Snapshot) -> bool:
    for x, y in zip(a, b, strict=True):
        both_nan = x.isnan() & y.isnan()  # a value out of range often gives NaN, which is no sign of an effect
        # In narrow formats an option of rounding moves the last bit, and it is all that is looked for there.
        roundings = 0 if x.dtype in NARROW else EFFECT_ROUNDINGS
        near = (x - y).abs() <= roundings * torch.finfo(x.dtype).eps * x.nan_to_num(0.0, 0.0, 0.0).abs().max()
        if not bool((near | both_nan | (x == y)).all()):
            return True
    return False


def _other_numbers(value: float) -> Iterator[float]:
    """Other values that an option with this one may take, the nearest kin first."""
    if isinstance(value, int) and value > 1:
        yield from (value + 1, value - 1, 1, 2 * value)
    yield from (value / 2, 2 * value) if value else ()
    yield from (0.1, 0.5, 0.9, 1e-2, 1.0, 2, 0)


def other_values(value: Any) -> Iterator[tuple[str, Any]]:
    """(which part of it, another value) for a bool, a number or a tuple of numbers; nothing for anything else."""
    if isinstance(value, bool):
        yield "", not value
    elif isinstance(value, (int, float)):
        yield from (("", other) for other in _other_numbers(value) if other != value)
    elif isinstance(value, (tuple, list)):
        for i, part in enumerate(value):
            for _, other in other_values(part):
                yield f"[{i}]", (*value[:i], other, *value[i + 1 :])


def base_options(context: Context) -> Iterator[tuple[Hyper, int | None]]:
    """Where an option may show: each case, then each with one other option changed; and how many values to try there.

    All from a case (None), the nearest beside another option: whatever is read there shows with any value of its own.
    """
    found = [dict(case.hyper) for case in cases_of(context, every=True)]
    yield from ((base, None) for base in found)
    for base in found:
        for name, default in context.subject.options.items():
            # Only with these may another option matter: nesterov needs momentum, a place for decay needs decay, and a
            # way to scale what decays needs both.
            for _, other in list(other_values(base.get(name, default)))[:NEAREST]:
                yield {**base, name: other}, NEAREST


def effects(context: Context, only: Container[str] | None = None, dtype: str = "") -> dict[str, str]:
    """For every option, or part of a tuple: "effect", "ignored", or "every value that was tried is refused".

    only    those that are looked at; all unless given
    dtype   of the parameters; the best that is judged unless given
    """
    runs = OptionRuns(context, dtype)
    found: dict[str, str] = {}
    if runs(cases_of(context)[0].hyper) is None:  # then no option can be judged: let its error be the fault
        params = clones(runs.start)
        with reported_at(cases_of(context)[0], runs.dtype):
            run(context.build(params, **cases_of(context)[0].hyper), params, runs.history)
    for name, default in context.subject.options.items():
        values = [default, *(case.hyper[name] for case in context.cases if name in case.hyper)]
        values = [value for value in values if value is not inspect.Parameter.empty and value is not None]
        for part in dict.fromkeys(part for value in values for part, _ in other_values(value)):
            if only is None or name + part in only:
                found[name + part] = _effect_of(context, runs, name, part, values)
    return found


def _effect_of(context: Context, runs: OptionRuns, name: str, part: str, values: list[Any]) -> str:
    accepted = False
    for base, count in base_options(context):
        was = base.get(name, values[0])
        here = runs(base)
        if here is None:
            continue
        for other in [value for p, value in other_values(was) if p == part][:count]:
            there = runs({**base, name: other})
            accepted = accepted or there is not None
            if there is not None and changed(here, there):
                return "effect"
    return "ignored" if accepted else "every value that was tried is refused"
