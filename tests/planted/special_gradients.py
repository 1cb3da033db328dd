"""Mistakes that the check special-gradients must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdam, PlainRMSprop, PlainSGD


@bug("T13", "special-gradients", "optax#1789")
class AdamSwallowsNan(PlainAdam):
    """NaN in a gradient is taken for 0."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf), group)


@bug("T13", "special-gradients", "OneTrainer#996")
class SGDSkipsInfinite(PlainSGD):
    """A gradient with an infinite or missing value is left out."""

    def step_one(self, p, grad, state, group):
        if bool(torch.isfinite(grad).all()):
            super().step_one(p, grad, state, group)


@bug("T13", "special-gradients", "mxnet#6235")
class RMSpropSpreads(PlainRMSprop):
    """One NaN reaches every element, through a norm."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad + 0 * grad.sum(), group)
