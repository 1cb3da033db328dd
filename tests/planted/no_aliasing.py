"""Mistakes that the check no-aliasing must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad, PlainRMSprop, PlainSGD


@bug("T8", "no-aliasing", "jettify#55")
class SGDKeepsTheGradient(PlainSGD):
    """The first velocity is p.grad itself."""

    def first(self, grad, group):
        return grad


@bug("T8", "no-aliasing", "pytorch#162359")
class RMSpropSharesByShape(PlainRMSprop):
    """Parameters of equal shape share one average."""

    def start(self, p, state, group):
        super().start(p, state, group)
        self.by_shape = getattr(self, "by_shape", {})
        state["square_avg"] = self.by_shape.setdefault(p.shape, state["square_avg"])


@bug("T8", "no-aliasing")
class AdagradSharesNoGradient(PlainAdagrad):
    """Of parameters whose gradient is one tensor the first alone steps."""

    def step_group(self, group):
        self.seen = set()
        super().step_group(group)

    def step_one(self, p, grad, state, group):
        if grad.data_ptr() not in self.seen or not grad.numel():
            self.seen.add(grad.data_ptr())
            super().step_one(p, grad, state, group)
