"""Declared stochastic: one seed gives one result, another seed another, and the mean over seeds is the formula's.

Two runs from one random state must be the same bits, else no training run can be repeated. Over many seeds one step's
mean must be the step of the formula: within its bound and five standard errors of the mean. Rounding up or down by
chance, or a random half twice as far, keep the mean; a biased one does not.
Controls: an SGD that is declared stochastic and draws nothing, one with a generator that no seed rules, one biased.
"""

from __future__ import annotations

import functools

import numpy as np
import torch

from .....scratch_impls import Case
from ....compare.replay import replay
from ...context import Context, check, parameters
from ...design.seen import GENERATORS
from ...result import Failed
from ..cases import cases_of, first_and_richest
from ..faults import reported_at
from ..histories import probe
from ..runs import clones, drawn_freely, gradient_history
from ._words import only_if_declared

SEEDS, ERRORS = 400, 5.0  # a mean is off by five of its standard errors once in two million: elements are some thirty


@check("T1", place=3, since="0.3")
def declared_stochastic(context: Context) -> None:
    only_if_declared(context, "stochastic")
    with drawn_freely():
        _judge_seeds(context)
        for case in first_and_richest(context) if context.spec is not None else ():
            with reported_at(case, context.dtypes[0]):
                _judge_mean(context, case)


def _judge_seeds(context: Context) -> None:
    drawn = False
    for case in cases_of(context):
        with reported_at(case, context.dtypes[0]):
            once, again, other = (_end(context, case, seed) for seed in (1, 1, 2))
            if not torch.equal(once, again):
                raise Failed(
                    "two runs from one seed of torch, NumPy and Python differ",
                    cause="it draws from a generator that no seed rules: no run can be repeated",
                )
            drawn = drawn or not torch.equal(once, other)
    if not drawn:
        raise Failed(
            "two seeds give the same bits", cause="it is declared stochastic, and its steps depend on no random number"
        )


def _seed(seed: int) -> None:
    for seeded in GENERATORS.values():
        seeded(seed)


def _end(context: Context, case: Case, seed: int) -> torch.Tensor:
    """All parameters after three steps from this random state."""
    params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    history = gradient_history(context.seed, 3, params)
    # Before it is made: a class may draw its first numbers, or seed a generator of its own, in the constructor.
    _seed(seed)
    optimizer = context.subject.make(params, **case.hyper)
    for row in history:
        for p, g in zip(params, row, strict=True):
            p.grad = None if g is None else g.clone()
        optimizer.step()
    return torch.cat([p.detach().reshape(-1) for p in params])


def _judge_mean(context: Context, case: Case) -> None:
    """The mean of the first step over the seeds, against the formula's."""
    assert context.spec is not None and context.against is not None
    dtype, history = context.dtypes[0], probe(context, context.seed, steps=1)
    taken = context.against.taken(case.hyper)
    rule = functools.partial(replay, context.spec, taken, context.against.make, context.against.make, history)
    formula = rule(dtype=dtype, device=context.device, states=())
    ends = []
    start = [torch.tensor(a, dtype=getattr(torch, dtype), device=context.device) for a in history.start]
    gradients = [torch.tensor(g, dtype=getattr(torch, dtype), device=context.device) for g in history.gradients[0]]
    for seed in range(SEEDS):
        params = clones(start)
        _seed(seed)
        optimizer = context.subject.make(params, **case.hyper)
        for p, g in zip(params, gradients, strict=True):
            p.grad = g.clone()
        optimizer.step()
        ends.append(np.concatenate([p.detach().cpu().double().numpy().reshape(-1) for p in params]))
    mean, error = np.mean(ends, axis=0), np.std(ends, axis=0) / SEEDS**0.5
    names = np.concatenate([np.full(np.size(a), i) for i, a in enumerate(history.start)])
    params_only = _parameters_of(formula.value[0], formula.error[0], formula.slots, history.labels)
    value, bound = params_only
    off = np.abs(mean - value) - (2 * bound + ERRORS * error)
    if (off > 0).any():
        k = int(off.argmax())
        raise Failed(
            f"the mean of step 1 over {SEEDS} seeds is {mean[k]!r} in an element of parameter {names[k]}; the formula "
            f"has {value[k]!r}, and {ERRORS:g} standard errors are {ERRORS * error[k]:.3g}",
            cause="its mean over the random numbers is not the formula's",
        )


def _parameters_of(
    value: np.ndarray, error: np.ndarray, slots: tuple[tuple[str, int], ...], labels: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Values and errors of the parameters alone."""
    ends = [*(first for _, first in slots[1:]), len(value)]
    parts = [slice(a, b) for (name, a), b in zip(slots, ends, strict=True) if name in {f"{x}.param" for x in labels}]
    return np.concatenate([value[p] for p in parts]), np.concatenate([error[p] for p in parts])
