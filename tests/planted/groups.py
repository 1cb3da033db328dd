"""Mistakes that the check groups must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T6", "groups", "Paddle#43013")
class SGDOneRateForAll(PlainSGD):
    """Every group steps with the learning rate of the first."""

    def step_group(self, group):
        super().step_group({**group, "lr": self.param_groups[0]["lr"]})


@bug("T6", "groups", "transformers#9751")
class AdamDecaysByDefault(PlainAdam):
    """weight_decay is that of the constructor, not the group's."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "weight_decay": self.defaults["weight_decay"]})


@bug("T6", "groups", "TransformerEngine#1986")
class RMSpropFirstGroupOnly(PlainRMSprop):
    """Only the first group steps."""

    def step_group(self, group):
        if group is self.param_groups[0]:
            super().step_group(group)


@bug("T6", "groups", cause="a group without parameters disturbs the others")
class AdamStopsAtNothing(PlainAdam):
    """A group without parameters ends the loop over groups."""

    ended = False

    def step(self, closure=None):
        self.ended = False
        return super().step(closure)

    def step_group(self, group):
        self.ended = self.ended or not group["params"]
        if not self.ended:
            super().step_group(group)


@bug("T6", "groups", "pytorch#106916")
class AdagradCountsInGroups(PlainAdagrad):
    """State is found by a parameter's place in its group, so that groups share it."""

    def step_group(self, group):
        first = self.param_groups[0]["params"]
        for i, p in enumerate(group["params"]):
            if p.grad is not None:
                self.step_one(p, p.grad, self.state[first[i] if i < len(first) else p], group)


@bug("T6", "groups")
class AdamOneCountForAll(PlainAdam):
    """One step count for the whole optimizer, advanced by every group."""

    total = 0

    def step_group(self, group):
        self.total += 1
        super().step_group(group)

    def count(self, state):
        super().count(state)
        return self.total


@bug("T6", "groups")
class AdamFourthParameter(PlainAdam):
    """In a group of more than sixteen parameters, those from the fourth on take half a step."""

    def step_group(self, group):
        self.place = 0
        super().step_group(group)

    def step_one(self, p, grad, state, group):
        self.place += 1
        halved = self.place > 3 and len(group["params"]) > 16
        super().step_one(p, grad, state, {**group, "lr": group["lr"] / 2} if halved else group)


@bug("T6", "groups")
class RMSpropThirdGroup(PlainRMSprop):
    """The third group steps with the options of the first."""

    def step_group(self, group):
        first = self.param_groups[0]
        super().step_group({**first, "params": group["params"]} if group in self.param_groups[2:] else group)


@bug("T6", "groups")
class AdamLaterBetas(PlainAdam):
    """From the eighth step on all groups take the betas of the first."""

    def step_one(self, p, grad, state, group):
        own = group["betas"] if state.get("step", 0) < 7 else self.param_groups[0]["betas"]
        super().step_one(p, grad, state, {**group, "betas": own})
