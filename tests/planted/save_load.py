"""Mistakes that the check save-load must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T9", "save-load", "pytorch#43706")
class SGDForgetsItsVelocity(PlainSGD):
    """state_dict has no momentum buffer."""

    def state_dict(self):
        return {**super().state_dict(), "state": {}}


@bug("T9", "save-load")
class RMSpropLoadsByShape(PlainRMSprop):
    """Of several parameters of one shape all get the state of the first."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        first = {}
        for p in (p for group in self.param_groups for p in group["params"] if p in self.state):
            kept = self.state[first.setdefault((p.shape, p.dtype), p)]
            self.state[p] = {name: v.clone() if isinstance(v, torch.Tensor) else v for name, v in kept.items()}


@bug("T9", "save-load")
class SGDLoadsOneRate(PlainSGD):
    """All groups get the learning rate of the first."""

    def load_state_dict(self, state_dict):
        groups = [{**group, "lr": state_dict["param_groups"][0]["lr"]} for group in state_dict["param_groups"]]
        super().load_state_dict({**state_dict, "param_groups": groups})


@bug("T9", "save-load")
class AdamLoadsOldAsNew(PlainAdam):
    """A step count above fifty is loaded as 0."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["step"] = 0 if state["step"] > 50 else state["step"]


@bug("T9", "save-load", "torchtitan#4615")
class AdamCountsAnew(PlainAdam):
    """Loading sets the step count to 0."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["step"] = 0


@bug("T9", "save-load")
class RMSpropKeepsItsOptions(PlainRMSprop):
    """Loading keeps the learning rate of the constructor."""

    def load_state_dict(self, state_dict):
        rates = [group["lr"] for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, lr in zip(self.param_groups, rates, strict=True):
            group["lr"] = lr


@bug("T9", "save-load")
class AdamLoadsAllButBetas(PlainAdam):
    """Loading keeps the betas of the constructor."""

    def load_state_dict(self, state_dict):
        betas = [group["betas"] for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, own in zip(self.param_groups, betas, strict=True):
            group["betas"] = own


@bug("T9", "save-load")
class AdamLoadsTwoRates(PlainAdam):
    """The third group gets the learning rate of the second."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups[2:]:
            group["lr"] = self.param_groups[1]["lr"]


@bug("T9", "save-load", cause="after loading, no group can be added")
class AdamLoadedIsClosed(PlainAdam):
    """A group that is added after loading is dropped."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.add_param_group = lambda group: None


@bug("T9", "save-load", "pytorch#196083")
class AdagradHidesState(PlainAdagrad):
    """The accumulator is kept in an attribute that no state_dict carries."""

    def step_group(self, group):
        self.sums = getattr(self, "sums", {})
        for p in group["params"]:
            if p.grad is not None:
                self.step_one(p, p.grad, self.sums.setdefault(p, {}), group)


@bug("T9", "save-load", "pytorch#75224")
class AdamLoadsNarrow(PlainAdam):
    """Loading makes bfloat16 of the averages."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state.update({k: v.bfloat16() for k, v in state.items() if isinstance(v, torch.Tensor)})


@bug("T9", "save-load")
class RMSpropSavesAFunction(PlainRMSprop):
    """The state holds an object that torch.load refuses."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        state["rule"] = slice


@bug("T9", "save-load")
class SGDLoadsInOrder(PlainSGD):
    """The saved states go to the parameters in the order in which they were made."""

    def load_state_dict(self, state_dict):
        places = sorted(state_dict["state"])
        state = dict(zip(places, state_dict["state"].values(), strict=True))
        super().load_state_dict({**state_dict, "state": state})


@bug("T9", "save-load")
class AdagradLoadsItsOwnKeys(PlainAdagrad):
    """Of the saved groups only the options of the constructor come back, not what a scheduler wrote there."""

    def load_state_dict(self, state_dict):
        known = {"params", *self.defaults}
        groups = [{k: v for k, v in group.items() if k in known} for group in state_dict["param_groups"]]
        super().load_state_dict({**state_dict, "param_groups": groups})
