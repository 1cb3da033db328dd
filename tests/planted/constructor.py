"""Mistakes that the check constructor must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T1", "constructor")
class SGDReadsParamsTwice(PlainSGD):
    """The constructor counts the parameters first, which empties a generator."""

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False):
        self.size = sum(1 for _ in params)
        super().__init__(params, lr, momentum, dampening, weight_decay, nesterov, maximize=maximize)
