"""Momentum that begins otherwise, and Nesterov's look-ahead in other forms."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...scratch_impls import Spec
from ._variant import Hyper, Variant

FORGOTTEN = "the first gradient is not remembered"
AHEAD: dict[str, Callable[..., Any]] = {
    "Nesterov's look-ahead has the wrong sign": lambda g, v, mu: g - mu * v,
    "Nesterov's look-ahead lacks the factor of momentum": lambda g, v, mu: g + v,
    "Nesterov's look-ahead is interpolated": lambda g, v, mu: (1 - mu) * g + mu * v,
    "Nesterov's look-ahead starts from the velocity of the step before": lambda g, v, mu: v,
    "Nesterov's look-ahead is taken twice": lambda g, v, mu: g + mu * (g + mu * v),
}


def variants(spec: Spec, full: Hyper) -> Iterator[Variant]:
    if "dampening" not in full or not full.get("momentum"):
        return
    zero = replace(spec, init=lambda param, **_: {"momentum_buffer": 0 * param})
    yield Variant(says="the first velocity is dampened as well", spec=zero, hyper=full)
    # At a constant lr this is the sum with lr scaled by 1 / (1 - momentum); the probe changes lr.
    average = {**full, "dampening": full["momentum"], "nesterov": False}
    yield Variant(says="the velocity is an average of gradients, not their sum", spec=zero, hyper=average)
    yield Variant(says="the first velocity is (1 - momentum) g", spec=_averaged_first(spec), hyper=full)
    yield Variant(says=FORGOTTEN, spec=_forgotten_first(spec), hyper=full)
    if full.get("nesterov") and not full.get("lr_inside"):
        for says, ahead in AHEAD.items():
            yield Variant(says=says, spec=_with_ahead(spec, ahead), hyper=full)


def _averaged_first(spec: Spec) -> Spec:
    """The first one as an average would begin, the others sums."""

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, **h: Any) -> Any:
        if h["momentum"] and state["momentum_buffer"] is None:
            none = {"momentum_buffer": 0 * param}
            return spec.update(param, grad, none, step, **{**h, "dampening": h["momentum"]})
        return spec.update(param, grad, state, step, **h)

    return replace(spec, update=update)


def _forgotten_first(spec: Spec) -> Spec:
    """The first step is plain gradient descent, and the velocity begins with the second."""

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, **h: Any) -> Any:
        if h["momentum"] and state["momentum_buffer"] is None:
            moved, _ = spec.update(param, grad, {}, step, **{**h, "momentum": 0})
            return moved, {"momentum_buffer": 0 * param}
        return spec.update(param, grad, state, step, **h)

    return replace(spec, update=update)


def _with_ahead(spec: Spec, ahead: Callable[..., Any]) -> Spec:
    """The velocity of the formula itself, and another step by it."""

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, **h: Any) -> Any:
        if not h["nesterov"]:
            return spec.update(param, grad, state, step, **h)
        g = -grad if h["maximize"] else grad
        g = g + h["weight_decay"] * param if h["weight_decay"] else g
        _, new = spec.update(param, grad, state, step, **h)
        return param - h["lr"] * ahead(g, new["momentum_buffer"], h["momentum"]), new

    return replace(spec, update=update)
