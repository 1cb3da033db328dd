"""Mistakes that the check hooks must catch."""

from __future__ import annotations

import inspect

import torch

from ._bug import bug
from .plain import PlainRMSprop


@bug("T15", "hooks")
class RMSpropWithoutHooks(PlainRMSprop):
    """An undecorated step of the instance's own, which no hook sees."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
        super().__init__(params, lr, alpha, eps, weight_decay, momentum, centered)
        bare = inspect.unwrap(PlainRMSprop.step)  # torch wraps it when the first instance is made
        self.step = torch.no_grad()(lambda closure=None: bare(self, closure))
