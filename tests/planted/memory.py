"""Mistakes that the check memory must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T14", "memory", "pytorch#3139")
class SGDKeepsGradients(PlainSGD):
    """Every gradient is kept in a list."""

    def step_one(self, p, grad, state, group):
        self.kept = [*getattr(self, "kept", []), grad.clone()]
        super().step_one(p, grad, state, group)


@bug("T14", "memory", cause="zero_grad() frees no memory: gradients are kept")
class AdamHoldsGradients(PlainAdam):
    """The gradients of the last step are kept until the next."""

    def step(self, closure=None):
        loss = super().step(closure)
        self.last = [p.grad for group in self.param_groups for p in group["params"]]
        return loss


@bug("T14", "memory", "pytorch#50636")
class AdamCaches(PlainAdam):
    """What a step computes is kept in a cache of the class that never forgets."""

    cache: dict[int, torch.Tensor] = {}  # noqa: RUF012  that is the bug

    def root(self, v, correction, group):
        return self.cache.setdefault(len(self.cache), super().root(v, correction, group))


@bug("T14", "memory", "pytorch#97712")
class RMSpropWorksInParallel(PlainRMSprop):
    """A step makes twenty copies of the average at once."""

    def variance(self, state, group):
        return torch.stack([super().variance(state, group)] * 20)[0].clone()


@bug("T14", "memory")
class AdagradHoards(PlainAdagrad):
    """Twelve tensors of state where one is needed."""

    def start(self, p, group):
        self.state[p].update({f"spare{i}": torch.zeros_like(p) for i in range(11)})
        return super().start(p, group)
