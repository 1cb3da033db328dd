"""Conventions in the middle of a formula, for the formulas that have such a middle: they are written again with it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...scratch_impls import Spec
from ._variant import Hyper, Variant


def variants(spec: Spec, full: Hyper) -> Iterator[Variant]:
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
    def update(param: Any, grad: Any, state: Any, step: Any, **h: Any) -> Any:
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
    def update(param: Any, grad: Any, state: Any, step: Any, **h: Any) -> Any:
        if not h["momentum"]:
            return spec.update(param, grad, state, step, **h)
        scaled, new = spec.update(0 * param, grad, {**state, "momentum_buffer": 0 * param}, step,
                                  **{**h, "lr": 1, "momentum": 0.5, "weight_decay": 0})  # fmt: skip
        buffer = h["momentum"] * state["momentum_buffer"] - h["lr"] * scaled
        return param - buffer, {**new, "momentum_buffer": buffer}

    return update
