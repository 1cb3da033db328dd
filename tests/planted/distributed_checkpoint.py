"""Mistakes that the check distributed-checkpoint must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdam, PlainSGD


@bug("T9", "distributed-checkpoint", "pytorch#140900", cause="a group does not get back its own hyperparameters")
class SGDLastRateForAll(PlainSGD):
    """Groups that come by the names of parameters, with the first's options repeated, all get the first's rate."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups[1:]:
            group["lr"] = self.param_groups[0]["lr"]


@bug("T9", "distributed-checkpoint", cause="the state does not come back under the names of the parameters")
class AdamKeepsFreshState(PlainAdam):
    """State that is there already is kept when a dict is loaded, and torch makes it before it loads."""

    def load_state_dict(self, state_dict):
        made = {p: {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in s.items()}
                for p, s in self.state.items()}  # fmt: skip
        super().load_state_dict(state_dict)
        self.state.update(made)
