"""Mistakes that the check global-state must catch."""

from __future__ import annotations

import os
import random
import warnings

import numpy as np
import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainAdamW, PlainRMSprop, PlainSGD


@bug("T15", "global-state")
class AdamPrints(PlainAdam):
    """A print that was left in."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        print("step", state["step"])


@bug("T15", "global-state")
class SGDSeeds(PlainSGD):
    """The constructor seeds torch's generator."""

    def add_param_group(self, param_group):
        torch.manual_seed(0)
        super().add_param_group(param_group)


@bug("T15", "global-state")
class AdagradDraws(PlainAdagrad):
    """A random number is drawn and not used."""

    def step_group(self, group):
        np.random.rand()  # noqa: NPY002  that is the bug
        random.random()
        super().step_group(group)


@bug("T15", "global-state")
class AdamWDisablesGrad(PlainAdamW):
    """Grad mode is switched off and stays off."""

    def step(self, closure=None):
        loss = super().step(closure)
        torch.set_grad_enabled(False)
        return loss


@bug("T15", "global-state")
class RMSpropWidens(PlainRMSprop):
    """The default dtype becomes float64."""

    def step_group(self, group):
        torch.set_default_dtype(torch.float64)
        super().step_group(group)


@bug("T15", "global-state")
class SGDTakesThreads(PlainSGD):
    """The number of threads is set."""

    def step_group(self, group):
        torch.set_num_threads(2)
        super().step_group(group)


@bug("T15", "global-state")
class AdamGoesElsewhere(PlainAdam):
    """The constructor changes the working directory."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, maximize=False):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
        os.chdir(os.sep)


@bug("T15", "global-state")
class SGDSetsVariables(PlainSGD):
    """A step sets an environment variable."""

    def step(self, closure=None):
        os.environ["THEIR_STEPS"] = os.environ.get("THEIR_STEPS", "") + "."
        return super().step(closure)


@bug("T15", "global-state")
class RMSpropRoundsProducts(PlainRMSprop):
    """A step allows products in TF32."""

    def step_group(self, group):
        torch.backends.cuda.matmul.allow_tf32 = True
        super().step_group(group)


@bug("T15", "global-state")
class AdagradHidesWarnings(PlainAdagrad):
    """A step turns warnings off."""

    def step_group(self, group):
        warnings.simplefilter("ignore", DeprecationWarning)
        super().step_group(group)
