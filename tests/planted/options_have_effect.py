"""Mistakes that the check options-have-effect must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T3", "options-have-effect", "mlx#473", cause="ignored: dampening")
class SGDIgnoresDampening(PlainSGD):
    """dampening is taken and never read."""

    def velocity(self, grad, state, group):
        return super().velocity(grad, state, {**group, "dampening": 0})


@bug("T3", "options-have-effect", "tinygrad#17708", cause="ignored: nesterov")
class SGDIgnoresNesterov(PlainSGD):
    """nesterov is taken and never read."""

    def look_ahead(self, grad, buf, group):
        return buf


@bug("T3", "options-have-effect", "kozistr#517", cause="ignored: weight_decay")
class RMSpropIgnoresDecay(PlainRMSprop):
    """weight_decay is taken and never read."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad, {**group, "weight_decay": 0})


@bug("T3", "options-have-effect", "HeavyBall#40", cause="ignored: centered")
class RMSpropIgnoresCentered(PlainRMSprop):
    """centered keeps a mean and never subtracts it."""

    def variance(self, state, group):
        return state["square_avg"]


@bug("T3", "options-have-effect", "fastai2#246", cause="ignored: initial_accumulator_value")
class AdagradIgnoresTheStart(PlainAdagrad):
    """initial_accumulator_value is taken and never read."""

    def start(self, p, group):
        return torch.zeros_like(p)


@bug("T3", "options-have-effect", "kozistr#516", cause="ignored: betas[0]")
class AdamFixedBeta(PlainAdam):
    """beta1 is always 0.9."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, maximize=False):
        super().__init__(params, lr, (0.9, betas[1]), eps, weight_decay, amsgrad, maximize=maximize)


@bug("T3", "options-have-effect", "kozistr#385", cause="ignored: amsgrad")
class AdamIgnoresAmsgrad(PlainAdam):
    """amsgrad keeps a maximum and never uses it."""

    def maximum(self, state, step, group):
        super().maximum(state, step, group)
        return state["exp_avg_sq"]


@bug("T8", "options-have-effect")
class AdamOneBuffer(PlainAdam):
    """The maximum and the average are one tensor, so that the maximum never shows."""

    def start(self, p, state, group):
        super().start(p, state, group)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = state["exp_avg_sq"]
