"""Mistakes that the check copy-and-pickle must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad


@bug("T9", "copy-and-pickle")
class AdagradFindsByAddress(PlainAdagrad):
    """State is found by id(p), which is another one in a copy."""

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is not None:
                self.step_one(p, p.grad, self.state.setdefault(id(p), {}), group)
