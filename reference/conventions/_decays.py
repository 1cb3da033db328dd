"""Weight decay in every other place, and at every other rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...scratch_impls import Spec
from ._variant import Hyper, Variant, followed, wrapped

NONE = {"weight_decay": 0}


def variants(spec: Spec, full: Hyper) -> Iterator[Variant]:
    if not full.get("weight_decay"):
        return
    for says, before in (
        ("weight decay is decoupled instead of added to the gradient", _decoupled),
        ("weight decay is not scaled by lr", _absolute),
        ("weight decay is added to the gradient instead of decoupled", _coupled),
        ("the sign is turned for maximize after weight decay is added", _sign_after),
    ):
        if says.endswith("added") and not full.get("maximize"):
            continue
        yield Variant(says=says, spec=wrapped(spec, before), hyper=full)
    yield Variant(says="weight decay is applied after the step", spec=_applied_after(spec), hyper=full)
    if isinstance(full.get("betas"), (tuple, list)):
        for says, before in (
            ("weight decay is scaled by the bias-corrected rate instead of lr", _by_the_corrected_rate),
            ("weight decay is scaled by lr / (1 - beta1^t) instead of lr", _by_the_rate_of_the_average),
        ):
            yield Variant(says=says, spec=wrapped(spec, before), hyper=full)


def _decoupled(p: Any, g: Any, t: Any, h: Any) -> Any:
    return p - h["lr"] * h["weight_decay"] * p, g, t, {**h, **NONE}


def _absolute(p: Any, g: Any, t: Any, h: Any) -> Any:
    return p - h["weight_decay"] * p, g, t, {**h, **NONE}


def _coupled(p: Any, g: Any, t: Any, h: Any) -> Any:
    sign = -1 if h.get("maximize") else 1
    return p, g + sign * h["weight_decay"] * p, t, {**h, **NONE}


def _sign_after(p: Any, g: Any, t: Any, h: Any) -> Any:
    return p, -(g + h["weight_decay"] * p), t, {**h, **NONE, "maximize": False}


def _by_the_corrected_rate(p: Any, g: Any, t: Any, h: Any) -> Any:
    """oneflow#5960: lr sqrt(1 - beta2^t) / (1 - beta1^t) scales the decay as well."""
    rate = h["lr"] * (1 - h["betas"][1] ** t) ** 0.5 / (1 - h["betas"][0] ** t)
    return p - rate * h["weight_decay"] * p, g, t, {**h, **NONE}


def _by_the_rate_of_the_average(p: Any, g: Any, t: Any, h: Any) -> Any:
    """Where the root has its correction apart, as in Adamax."""
    rate = h["lr"] / (1 - h["betas"][0] ** t)
    return p - rate * h["weight_decay"] * p, g, t, {**h, **NONE}


def _applied_after(spec: Spec) -> Spec:
    def after(_: Any, new: Any, *, param: Any, grad: Any, state: Any, step: Any, hyper: Any) -> Any:
        moved, new = spec.update(param, grad, state, step, **{**hyper, **NONE})
        return moved - hyper["lr"] * hyper["weight_decay"] * moved, new

    return followed(spec, after)
