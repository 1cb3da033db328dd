"""Mistakes that the check load-no-aliasing must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T8", "load-no-aliasing", "pytorch#75224")
class SGDLoadsByReference(PlainSGD):
    """load_state_dict keeps the tensors of the dict that it is given."""

    def load_state_dict(self, state_dict):
        params = [p for group in self.param_groups for p in group["params"]]
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update({k: v for k, v in saved.items() if k != "params"})
        for i, state in state_dict["state"].items():
            self.state[params[i]] = dict(state)


@bug("T8", "load-no-aliasing")
class SGDLoadsTwice(PlainSGD):
    """load_state_dict hands the dict on to torch, and then puts the tensors of the dict in place of torch's copies."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        for i, state in state_dict["state"].items():
            self.state[params[i]].update(state)
