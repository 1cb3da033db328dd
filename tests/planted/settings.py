"""Options that are ignored (T3), the sign (T4), the learning rate (T5) and the groups (T6)."""

from __future__ import annotations

import torch

from . import bug
from .plain import PlainAdagrad, PlainAdam, PlainAdamW, PlainRMSprop, PlainSGD


@bug("T3", "options-have-effect", "mlx#473", cause="ignored: dampening")
class SGDIgnoresDampening(PlainSGD):
    """dampening is taken and never read."""

    def velocity(self, grad, state, group):
        return super().velocity(grad, state, {**group, "dampening": 0})


@bug("T3", "options-have-effect", "tinygrad#17708", cause="ignored: nesterov")
class SGDIgnoresNesterov(PlainSGD):
    """nesterov is taken and never read."""

    def look_ahead(self, grad, buf, group):
        return buf


@bug("T3", "options-have-effect", "kozistr#517", cause="ignored: weight_decay")
class RMSpropIgnoresDecay(PlainRMSprop):
    """weight_decay is taken and never read."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad, {**group, "weight_decay": 0})


@bug("T3", "options-have-effect", "HeavyBall#40", cause="ignored: centered")
class RMSpropIgnoresCentered(PlainRMSprop):
    """centered keeps a mean and never subtracts it."""

    def variance(self, state, group):
        return state["square_avg"]


@bug("T3", "options-have-effect", "fastai2#246", cause="ignored: initial_accumulator_value")
class AdagradIgnoresTheStart(PlainAdagrad):
    """initial_accumulator_value is taken and never read."""

    def start(self, p, group):
        return torch.zeros_like(p)


@bug("T3", "options-have-effect", "kozistr#516", cause="ignored: betas[0]")
class AdamFixedBeta(PlainAdam):
    """beta1 is always 0.9."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, maximize=False):
        super().__init__(params, lr, (0.9, betas[1]), eps, weight_decay, amsgrad, maximize=maximize)


@bug("T3", "options-have-effect", "kozistr#385", cause="ignored: amsgrad")
class AdamIgnoresAmsgrad(PlainAdam):
    """amsgrad keeps a maximum and never uses it."""

    def maximum(self, state, step, group):
        super().maximum(state, step, group)
        return state["exp_avg_sq"]


@bug("T5", "option-change")
class AdamNeverStopsDecay(PlainAdam):
    """A weight_decay of 0 in the group leaves the one before in force."""

    def step_group(self, group):
        kept = vars(self).setdefault("kept", {})
        kept[id(group)] = group["weight_decay"] or kept.get(id(group), 0)
        super().step_group({**group, "weight_decay": kept[id(group)]})


@bug("T5", "option-change", cause="a change of amsgrad in the group is ignored")
class AdamKeepsTheMaximum(PlainAdam):
    """amsgrad is read at a group's first step, and kept."""

    def step_group(self, group):
        kept = vars(self).setdefault("kept", {}).setdefault(id(group), group["amsgrad"])
        super().step_group({**group, "amsgrad": kept})


@bug("T5", "option-change", cause="a change of weight_decay in the group is ignored")
class RMSpropKeepsDecay(PlainRMSprop):
    """weight_decay is read at a group's first step, and kept."""

    def gradient(self, p, grad, group):
        kept = vars(self).setdefault("kept", {}).setdefault(id(group), group["weight_decay"])
        return super().gradient(p, grad, {**group, "weight_decay": kept})


@bug("T5", "option-change", cause="a change of eps in the group is ignored")
class AdamKeepsEps(PlainAdam):
    """eps is read at a group's first step, and kept."""

    def step_group(self, group):
        kept = vars(self).setdefault("kept", {}).setdefault(id(group), group["eps"])
        super().step_group({**group, "eps": kept})


@bug("T4", "maximize", cause="the sign is turned after weight decay, or not at all")
class SGDTurnsLast(PlainSGD):
    """The sign is turned after weight decay is added."""

    def gradient(self, p, grad, group):
        grad = super().gradient(p, grad, {**group, "maximize": False})
        return -grad if group["maximize"] else grad


@bug("T4", "maximize")
class RMSpropTurnsTheStep(PlainRMSprop):
    """maximize turns the sign of lr."""

    def step_one(self, p, grad, state, group):
        lr = -group["lr"] if group["maximize"] else group["lr"]
        super().step_one(p, grad, state, {**group, "lr": lr, "maximize": False})


@bug("T4", "maximize", "kozistr#528")
class AdamNeverTurns(PlainAdam):
    """maximize is taken and never read."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad, {**group, "maximize": False})


@bug("T4", "maximize")
class AdamWGrowsWeights(PlainAdamW):
    """maximize turns the sign of the decoupled decay too."""

    def decayed(self, p, grad, group):
        decay = -group["weight_decay"] if group["maximize"] else group["weight_decay"]
        return super().decayed(p, grad, {**group, "weight_decay": decay})


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


@bug("T5", "many-steps", "mxnet#15533", cause="lr stands inside the velocity")
class SGDRateInside(PlainSGD):
    """The velocity holds steps, so that a new learning rate acts on new gradients only."""

    def step_one(self, p, grad, state, group):
        grad = self.gradient(p, grad, group) * group["lr"]
        p.sub_(self.velocity(grad, state, group) if group["momentum"] else grad)


@bug("T5", "many-steps", "Keras and TF1", cause="lr stands inside the momentum buffer")
class RMSpropRateInside(PlainRMSprop):
    """The momentum buffer holds steps."""

    def move(self, p, grad, root, state, group):
        if not group["momentum"]:
            return super().move(p, grad, root, state, group)
        buf = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, root, value=group["lr"])
        return p.sub_(buf)


@bug("T5", "many-steps")
class AdamRestsAtZero(PlainAdam):
    """At an lr of 0, as a warm-up begins with, the state stands still."""

    def step_group(self, group):
        if group["lr"]:
            super().step_group(group)


@bug("T5", "scheduler", "OneCycleLR writes betas")
class AdamKeepsItsBetas(PlainAdam):
    """The betas of the constructor are used."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "betas": self.defaults["betas"]})


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
