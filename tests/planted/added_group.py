"""Mistakes that the check added-group must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T7", "added-group")
class SGDListsOnce(PlainSGD):
    """The parameters are listed in the constructor, so that groups added later never step."""

    def step_group(self, group):
        if not hasattr(self, "known"):
            self.known = {p for g in self.param_groups for p in g["params"]}
        super().step_group({**group, "params": [p for p in group["params"] if p in self.known]})
