"""The closure, hooks, and what a step does to the process around it (T15)."""

from __future__ import annotations

import inspect
import os
import random
import time
import warnings

import numpy as np
import torch

from . import bug
from .plain import PlainAdagrad, PlainAdam, PlainAdamW, PlainRMSprop, PlainSGD


@bug("T15", "closure", "pytorch#91581")
class SGDClosureWithoutGrad(PlainSGD):
    """The closure is called with grad disabled."""

    @torch.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else closure()
        super().step()
        return loss


@bug("T15", "closure", "HeavyBall#10")
class AdamClosureTwice(PlainAdam):
    """The closure is called twice."""

    def step(self, closure=None):
        if closure is not None:
            closure()
        return super().step(closure)


@bug("T15", "closure", "SOAP#21")
class RMSpropLosesTheLoss(PlainRMSprop):
    """step(closure) returns None."""

    def step(self, closure=None):
        super().step(closure)


@bug("T15", "closure", "pytorch#1039")
class AdagradIgnoresTheClosure(PlainAdagrad):
    """The closure is not called."""

    def step(self, closure=None):
        return super().step()


@bug("T15", "closure", "pytorch#116494")
class AdamClosureLast(PlainAdam):
    """The closure is called after the step."""

    def step(self, closure=None):
        super().step()
        if closure is None:
            return None
        with torch.enable_grad():
            return closure()


@bug("T15", "closure")
class SGDNeverZeroes(PlainSGD):
    """zero_grad() does nothing."""

    def zero_grad(self, set_to_none=True):
        pass


@bug("T15", "hooks")
class RMSpropWithoutHooks(PlainRMSprop):
    """An undecorated step of the instance's own, which no hook sees."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
        super().__init__(params, lr, alpha, eps, weight_decay, momentum, centered)
        bare = inspect.unwrap(PlainRMSprop.step)  # torch wraps it when the first instance is made
        self.step = torch.no_grad()(lambda closure=None: bare(self, closure))


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


@bug("T15", "step-moves", cause="the step is not deterministic, or gives NaN", steady=False)
class AdamReadsTheClock(PlainAdam):
    """The result depends on the time."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad * (1 + 1e-3 * (time.perf_counter() % 1)), group)


@bug("T15", "is-an-optimizer", cause="no case gives what it needs: warmup")
class SGDWantsMore(PlainSGD):
    """An argument without a default that its twin does not have."""

    def __init__(self, params, warmup, lr=1e-3, momentum=0, weight_decay=0):
        super().__init__(params, lr, momentum, 0, weight_decay)


@bug("T15", "closure")
class AdamClosureLate(PlainAdam):
    """From the second step on the closure is called after the update."""

    def step(self, closure=None):
        self.calls = getattr(self, "calls", 0) + 1
        if closure is None or self.calls == 1:
            return super().step(closure)
        super().step()
        with torch.enable_grad():
            return closure()


@bug("T15", "closure")
class SGDZeroesOneGroup(PlainSGD):
    """zero_grad() clears the first group."""

    def zero_grad(self, set_to_none=True):
        for p in self.param_groups[0]["params"]:
            p.grad = None if set_to_none else torch.zeros_like(p)


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


@bug("T15", "closure")
class SGDForgetsAtZeroGrad(PlainSGD):
    """zero_grad() drops the state as well."""

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        self.state.clear()


@bug("T15", "closure")
class RMSpropAsksForEachGroup(PlainRMSprop):
    """The closure is called once for each group."""

    def step(self, closure=None):
        loss = None
        for group in self.param_groups:
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            with torch.no_grad():
                self.step_group(group)
        return loss
