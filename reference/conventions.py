"""The common wrong or foreign conventions, as variants of a formula: what a disagreement is looked up in.

Most of them wrap any formula's update by the names of its hyperparameters; where a convention stands in the middle of a
formula, the whole formula is written again with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..scratch_impls import Spec

Hyper = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A formula that differs from the right one in one convention.

    says        the likely cause, in words
    history     "as it is", "lr constant" (a change of lr is ignored) or "None is zero"
    """

    says: str
    spec: Spec
    hyper: Hyper
    history: str = "as it is"


def variants(spec: Spec, hyper: Hyper) -> Iterator[Variant]:
    """Every variant that these hyperparameters could show, the commonest first."""
    full = spec.hyper(**hyper)
    if spec.together:  # the conventions below are changes of an update of one parameter
        return
    yield from _whole_formulas(spec, full)
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
    yield Variant(says="a change of the learning rate is ignored", spec=spec, hyper=full, history="lr constant")
    yield Variant(says="a missing gradient is taken for zero", spec=spec, hyper=full, history="None is zero")


def as_formula(spec: Spec, variant: Variant, hyper: Hyper) -> Spec | None:
    """The variant as a formula for any hyperparameters; None where it is a matter of the history.

    hyper   the case's, for which the variant was made: what it sets otherwise, it sets so in every case
    """
    if variant.history != "as it is":
        return None
    full = spec.hyper(**hyper)
    changed = {name: value for name, value in variant.hyper.items() if full[name] != value}

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, *rng: Any, **given: Any) -> Any:
        return variant.spec.update(param, grad, state, step, *rng, **{**given, **changed})

    return replace(variant.spec, update=update)


def _wrap(spec: Spec, before: Callable[..., tuple[Any, Any, Any, dict[str, Any]]]) -> Spec:
    """The spec whose update first lets `before` change (param, grad, step, hyper)."""

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, *rng: Any, **hyper: Any) -> Any:
        param, grad, step, hyper = before(param, grad, step, hyper)
        return spec.update(param, grad, state, step, *rng, **hyper)

    return replace(spec, update=update)


def _wrapped(spec: Spec, full: Hyper) -> Iterator[Variant]:
    def variant(says: str, before: Callable[..., Any]) -> Variant:
        return Variant(says=says, spec=_wrap(spec, before), hyper=full)

    yield variant("it steps uphill: the sign of the gradient is turned", lambda p, g, t, h: (p, -g, t, h))
    yield variant("the step count starts at 0", lambda p, g, t, h: (p, g, t - 1 or 1e-300, h))
    yield variant("the step count is one too high", lambda p, g, t, h: (p, g, t + 1, h))
    yield variant("the step count never advances", lambda p, g, t, h: (p, g, 1, h))
    if "betas" in full:
        yield variant("the bias correction is missing", lambda p, g, t, h: (p, g, 10**9, h))
        yield variant("the two betas are exchanged", lambda p, g, t, h: (p, g, t, {**h, "betas": h["betas"][::-1]}))
    if full.get("weight_decay"):
        yield from _decays(spec, full)
    if "dampening" in full and full["momentum"]:
        zero = replace(spec, init=lambda param, **_: {"momentum_buffer": 0 * param})
        yield Variant(says="the first velocity is dampened as well", spec=zero, hyper=full)
        # At a constant lr this is the sum with lr scaled by 1 / (1 - momentum); the probe changes lr.
        average = {**full, "dampening": full["momentum"], "nesterov": False}
        yield Variant(says="the velocity is an average of gradients, not their sum", spec=zero, hyper=average)
    if "initial_accumulator_value" in full:
        # optax, Keras and TF1's AdaGrad begin at 0.1, TF1's RMSProp at 1: 316 and 3000 times shorter first steps.
        for value in (0.1, 1.0):
            begun = {**full, "initial_accumulator_value": value}
            yield Variant(says=f"the accumulator starts at {value}", spec=spec, hyper=begun)


def _decays(spec: Spec, full: Hyper) -> Iterator[Variant]:
    """Weight decay in every other place."""
    none = {"weight_decay": 0}

    def decoupled(p: Any, g: Any, t: Any, h: Any) -> Any:
        return p - h["lr"] * h["weight_decay"] * p, g, t, {**h, **none}

    def absolute(p: Any, g: Any, t: Any, h: Any) -> Any:
        return p - h["weight_decay"] * p, g, t, {**h, **none}

    def coupled(p: Any, g: Any, t: Any, h: Any) -> Any:
        sign = -1 if h.get("maximize") else 1
        return p, g + sign * h["weight_decay"] * p, t, {**h, **none}

    def sign_after(p: Any, g: Any, t: Any, h: Any) -> Any:
        return p, -(g + h["weight_decay"] * p), t, {**h, **none, "maximize": False}

    for says, before in (
        ("weight decay is decoupled instead of added to the gradient", decoupled),
        ("weight decay is not scaled by lr", absolute),
        ("weight decay is added to the gradient instead of decoupled", coupled),
        ("the sign is turned for maximize after weight decay is added", sign_after),
    ):
        if says.endswith("added") and not full.get("maximize"):
            continue
        yield Variant(says=says, spec=_wrap(spec, before), hyper=full)

    @functools.wraps(spec.update)
    def after(param: Any, grad: Any, state: Any, step: Any, *rng: Any, **h: Any) -> Any:
        moved, new = spec.update(param, grad, state, step, *rng, **{**h, **none})
        return moved - h["lr"] * h["weight_decay"] * moved, new

    yield Variant(says="weight decay is applied after the step", spec=replace(spec, update=after), hyper=full)


def _whole_formulas(spec: Spec, full: Hyper) -> Iterator[Variant]:
    """Conventions in the middle of a formula, for the formulas that have such a middle."""
    if {"exp_avg", "exp_avg_sq"} <= set(spec.start(0.0, full)):
        # 1.41 times off where |g| = sqrt(eps), and up to 1 / sqrt(eps) below; the hat is 31.6 times off in the first
        # step.
        for eps, says in (
            ("inside", "eps stands inside the root"),
            ("hat", "eps is added before the bias correction (epsilon hat)"),
            ("none", "eps is left out"),
        ):
            yield Variant(says=says, spec=replace(spec, update=_adam(spec, eps, raw=True)), hyper=full)
        if full.get("amsgrad"):
            says = "the maximum of amsgrad is taken of the corrected average"
            yield Variant(says=says, spec=replace(spec, update=_adam(spec, "after", raw=False)), hyper=full)
    if "alpha" in full and full.get("momentum"):
        inside = replace(spec, update=_rmsprop_lr_inside(spec))
        yield Variant(says="lr stands inside the momentum buffer", spec=inside, hyper=full)


def _adam(spec: Spec, eps_place: str, *, raw: bool) -> Callable[..., Any]:
    decoupled_always = "decoupled_weight_decay" not in spec.defaults

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, *rng: Any, **h: Any) -> Any:
        (beta1, beta2), eps, lr, decay = h["betas"], h["eps"], h["lr"], h["weight_decay"]
        g = -grad if h["maximize"] else grad
        if decoupled_always or h["decoupled_weight_decay"]:
            param = param - lr * decay * param
        else:
            g = g + decay * param
        m = beta1 * state["exp_avg"] + (1 - beta1) * g
        v = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
        new, w, correction = {"exp_avg": m, "exp_avg_sq": v}, v, 1 - beta2**step
        if h["amsgrad"]:
            candidate = v if raw else v / correction
            old = state["max_exp_avg_sq"]
            w = new["max_exp_avg_sq"] = candidate * (candidate >= old) + old * (candidate < old)
        w = w / correction if raw or not h["amsgrad"] else w
        root = {
            "after": lambda: w**0.5 + eps,
            "inside": lambda: (w + eps) ** 0.5,
            "hat": lambda: w**0.5 + eps / correction**0.5,
            "none": lambda: w**0.5,
        }[eps_place]()
        return param - lr * (m / (1 - beta1**step)) / root, new

    return update


def _rmsprop_lr_inside(spec: Spec) -> Callable[..., Any]:
    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, *rng: Any, **h: Any) -> Any:
        scaled, new = spec.update(0 * param, grad, {**state, "momentum_buffer": 0 * param}, step,
                                  **{**h, "lr": 1, "momentum": 0.5, "weight_decay": 0})  # fmt: skip
        buffer = h["momentum"] * state["momentum_buffer"] - h["lr"] * scaled
        return param - buffer, {**new, "momentum_buffer": buffer}

    return update
