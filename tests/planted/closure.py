"""Mistakes that the check closure must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


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
