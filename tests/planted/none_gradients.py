"""Mistakes that the check none-gradients must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T7", "none-gradients", "DeepSpeed#1823", cause="a gradient that is None is taken for zeros, or the last is kept")
class AdamNoneIsZero(PlainAdam):
    """A gradient that is None is taken for zero."""

    def step_group(self, group):
        for p in group["params"]:
            self.step_one(p, torch.zeros_like(p) if p.grad is None else p.grad, self.state[p], group)


@bug("T7", "none-gradients", "pytorch#125440")
class AdagradChokesOnNone(PlainAdagrad):
    """p.grad is used without a look."""

    def step_group(self, group):
        for p in group["params"]:
            self.step_one(p, p.grad.detach(), self.state[p], group)


@bug("T7", "none-gradients", "DeepSpeed#8471")
class AdamCountsAbsence(PlainAdam):
    """The step count advances without a gradient too."""

    def step_group(self, group):
        super().step_group(group)
        for p in group["params"]:
            if p.grad is None and self.state[p]:
                self.count(self.state[p])


@bug("T7", "none-gradients")
class RMSpropMisaligned(PlainRMSprop):
    """State is found by the place among the parameters that have a gradient now."""

    def step_group(self, group):
        ready = [p for p in group["params"] if p.grad is not None]
        for i, p in enumerate(ready):
            self.step_one(p, p.grad, self.state[group["params"][i]], group)


@bug("T7", "none-gradients")
class SGDWaitsForTheLast(PlainSGD):
    """With more than one group nothing steps while the last parameter has no gradient."""

    def step(self, closure=None):
        if closure is None and len(self.param_groups) > 1 and self.param_groups[-1]["params"][-1].grad is None:
            return None
        return super().step(closure)


@bug("T7", "none-gradients", cause="the state is dropped, or fades, while gradients are missing")
class AdamForgetsTheAbsent(PlainAdam):
    """The state of a parameter that had no gradient in nine steps is dropped."""

    limit = 9

    def step_group(self, group):
        for p in group["params"]:
            absent = self.__dict__.setdefault("absent", {})
            absent[p] = absent.get(p, 0) + 1 if p.grad is None else 0
            if absent[p] == self.limit:
                self.state.pop(p, None)
        super().step_group(group)
