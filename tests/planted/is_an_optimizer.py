"""Mistakes that the check is-an-optimizer must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T15", "is-an-optimizer", cause="no case gives what it needs: warmup")
class SGDWantsMore(PlainSGD):
    """An argument without a default that its twin does not have."""

    def __init__(self, params, warmup, lr=1e-3, momentum=0, weight_decay=0):
        super().__init__(params, lr, momentum, 0, weight_decay)
