"""Mistakes that the check learning-rate-change must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam, PlainRMSprop, PlainSGD


@bug("T5", "learning-rate-change", "transformers#34506")
class AdamKeepsItsRate(PlainAdam):
    """The learning rate of the constructor is used."""

    def move(self, p, m, v, step, group):
        super().move(p, m, v, step, {**group, "lr": self.defaults["lr"]})


@bug("T5", "learning-rate-change", "fairseq#5561")
class RMSpropKeepsTheFirstRate(PlainRMSprop):
    """The learning rate is read at a parameter's first step and kept."""

    def step_one(self, p, grad, state, group):
        state["lr"] = state.get("lr", group["lr"])
        super().step_one(p, grad, state, {**group, "lr": state["lr"]})


@bug("T5", "learning-rate-change")
class SGDLateRate(PlainSGD):
    """A new learning rate acts one step late."""

    def step_group(self, group):
        late = group.get("_lr", group["lr"])
        group["_lr"] = group["lr"]
        super().step_group({**group, "lr": late})
