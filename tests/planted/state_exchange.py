"""Mistakes that the check state-exchange must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam


@bug("T9", "state-exchange")
class AdamSavesItsOwnWay(PlainAdam):
    """state_dict has the average divided by 1 - beta1, and loading expects that."""

    def state_dict(self):
        saved = super().state_dict()
        beta = saved["param_groups"][0]["betas"][0]
        state = {i: {**s, "exp_avg": s["exp_avg"] / (1 - beta)} for i, s in saved["state"].items()}
        return {**saved, "state": state}

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["exp_avg"] = state["exp_avg"] * (1 - self.param_groups[0]["betas"][0])
