"""The common wrong or foreign conventions, as variants of a formula: what a disagreement is looked up in.

Most of them wrap any formula's update by the names of its hyperparameters; where a convention stands in the middle of a
formula, the whole formula is written again with it, or its source with one slip in one line.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...scratch_impls import Spec
from . import _decays, _momentum, _state, _whole_formulas
from ._slips import slips
from ._variant import AS_IT_IS, COUNT_RUNS_ON, LR_CONSTANT, NONE_IS_ZERO, ONE_COUNT, Hyper, Variant, wrapped

__all__ = ["AS_IT_IS", "COUNT_RUNS_ON", "LR_CONSTANT", "NONE_IS_ZERO", "ONE_COUNT", "Variant", "as_formula", "slips",
           "variants"]  # fmt: skip


def variants(spec: Spec, hyper: Hyper) -> Iterator[Variant]:
    """Every variant with a name that these hyperparameters could show, the commonest first."""
    full = spec.hyper(**hyper)
    yield from _whole_formulas.variants(spec, full)
    for name, says in (("eps_inside", "eps stands inside the root"), ("lr_inside", "lr stands inside the velocity")):
        if name in full and not full[name]:
            yield Variant(says=says, spec=spec, hyper={**full, name: True})
    for name, default in spec.defaults.items():
        if full[name] != default:
            # An option that is stored and never read.
            with_default = {**full, name: default}
            if all(holds(with_default) for holds in spec.requires.values()):
                yield Variant(says=f"the option {name} is ignored", spec=spec, hyper=with_default)
    yield from _wrapped(spec, full)
    yield from _decays.variants(spec, full)
    yield from _momentum.variants(spec, full)
    for history, says in HISTORIES.items():
        yield Variant(says=says, spec=spec, hyper=full, history=history)
    yield from _state.variants(spec, full)


HISTORIES = {
    LR_CONSTANT: "a change of the learning rate is ignored",
    NONE_IS_ZERO: "a missing gradient is taken for zero",
    COUNT_RUNS_ON: "a counter runs on without a gradient",
    ONE_COUNT: "one count of steps, which every parameter raises",
}


def as_formula(spec: Spec, variant: Variant, hyper: Hyper) -> Spec | None:
    """The variant as a formula for any hyperparameters; None where it is a matter of the history.

    hyper   the case's, for which the variant was made: what it sets otherwise, it sets so in every case
    """
    if variant.history != AS_IT_IS:
        return None
    full = spec.hyper(**hyper)
    changed = {name: value for name, value in variant.hyper.items() if full[name] != value}

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, **given: Any) -> Any:
        return variant.spec.update(param, grad, state, step, **{**given, **changed})

    return replace(variant.spec, update=update)


def _wrapped(spec: Spec, full: Hyper) -> Iterator[Variant]:
    def variant(says: str, before: Callable[..., Any]) -> Variant:
        return Variant(says=says, spec=wrapped(spec, before), hyper=full)

    yield variant("it steps uphill: the sign of the gradient is turned", lambda p, g, t, h: (p, -g, t, h))
    yield variant("the step count starts at 0", lambda p, g, t, h: (p, g, t - 1 or 1e-300, h))
    yield variant("the step count is one too high", lambda p, g, t, h: (p, g, t + 1, h))
    yield variant("the step count never advances", lambda p, g, t, h: (p, g, 1, h))
    if "betas" in full:
        yield variant("the bias correction is missing", lambda p, g, t, h: (p, g, 10**9, h))
        yield variant("the two betas are exchanged", lambda p, g, t, h: (p, g, t, {**h, "betas": h["betas"][::-1]}))
    if "initial_accumulator_value" in full:
        # optax, Keras and TF1's AdaGrad begin at 0.1, TF1's RMSProp at 1: 316 and 3000 times shorter first steps.
        for value in (0.1, 1.0):
            begun = {**full, "initial_accumulator_value": value}
            yield Variant(says=f"the accumulator starts at {value}", spec=spec, hyper=begun)
