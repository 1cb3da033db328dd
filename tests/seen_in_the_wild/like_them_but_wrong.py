"""For each class that is right in an unusual way one that is built like it and wrong: it still must fail."""

from __future__ import annotations

import functools

import torch

from . import false_accusations as right


class TupleStateOfAnother(right.TupleState):
    """The velocity is that of the first gradient, for good."""

    def update(self, p, g, state, group):
        super().update(p, state[0] if state else g, (), group)


class NamedTupleStateLost(right.NamedTupleState):
    """load_state_dict leaves the velocity out."""

    def load_state_dict(self, state_dict):
        super().load_state_dict({**state_dict, "state": {}})


class TupleGroupsTwice(right.TupleGroups):
    """Weight decay is taken off once more."""

    def step(self, closure=None):
        loss = super().step(closure)
        with torch.no_grad():
            for p in self.param_groups[0]:
                p.mul_(1 - 0.1 * self.defaults["weight_decay"])
        return loss


class RateOfNoneUphill(right.RateOfNone):
    def update(self, p, g, state, group):
        super().update(p, -g, state, group)


class RelativeStepUnclipped(right.RelativeStep):
    def __init__(self, params, beta2_decay=-0.8, d=1.0):
        super().__init__(params, beta2_decay, 1e9)


class NestedStateForgets(right.NestedState):
    def update(self, p, g, state, group):
        super().update(p, g, {}, group)


class StringKeyCounts(right.StringKey):
    """The count for all decides the rate, and it is not saved."""

    def update(self, p, g, state, group):
        super().update(p, g / (1 + 0.01 * self.state["count"].item()), state, group)

    def state_dict(self):
        saved = super().state_dict()
        return {**saved, "state": {**saved["state"], "count": torch.zeros(1)}}


class ThreeBetasKeepsTheGradient(right.ThreeBetas):
    """The last gradient is kept, and not a copy of it."""

    def update(self, p, g, state, group):
        super().update(p, g, state, group)
        state["last"] = g


class RequiredRateForeach(right.RequiredRate):
    """Its foreach path leaves weight decay out."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["weight_decay"] = 0 if group["foreach"] else group["weight_decay"]
        return super().step(closure)


class OneOfTwoTwice(right.OneOfTwo):
    """A rate that was given is doubled."""

    def __init__(self, params, lr=None, log_lr=None, weight_decay=0, foreach=False):
        super().__init__(params, lr if lr is None else 2 * lr, log_lr, weight_decay, foreach)


class OptionsInTheGroupKept(right.OptionsInTheGroup):
    """The rate of the constructor is kept."""

    def update(self, p, g, state, group):
        super().update(p, g, state, {**group, "lr": self.options["lr"]})


class OneRateSecondGroup(right.OneRate):
    """A second group loses its weight decay."""

    def update(self, p, g, state, group):
        super().update(p, g, state, group if group is self.param_groups[0] else {**group, "weight_decay": 0})


class CorrectedAveragesKept(right.CorrectedAverages):
    """The betas of the constructor are kept."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas, eps)
        self.betas = betas

    def update(self, p, g, state, group):
        super().update(p, g, state, {**group, "betas": self.betas})


class CubeRootOfMore(right.CubeRoot):
    """The sum starts at 1e-3 instead of 0."""

    def update(self, p, g, state, group):
        state.setdefault("sum", torch.full_like(p, 1e-3))
        super().update(p, g, state, group)


class StochasticRoundingKeepsTheGradient(right.StochasticRounding):
    def update(self, p, g, state, group):
        super().update(p, state.setdefault("first", g), state, group)


class RandomHalfAtOneRate(right.RandomHalf):
    """The rate of the constructor is kept."""

    def update(self, p, g, state, group):
        super().update(p, g, state, {**group, "lr": self.defaults["lr"]})


class RelativeDecayOfACopy(right.RelativeDecay):
    """It steps from a copy of the parameter."""

    def update(self, p, g, state, group):
        copy = state.setdefault("copy", p.clone())
        super().update(copy, g, state, group)
        p.copy_(copy)


class RefusesSmallUphill(right.RefusesSmall):
    def update(self, p, g, state, group):
        super().update(p, -g, state, group)


class SmallOtherwiseAndLarge(right.SmallOtherwise):
    """Tensors of sixteen elements and more are wrong as well."""

    def update(self, p, g, state, group):
        super().update(p, 1.001 * g, state, group)


class FixedAndWrong(right.Momentum):
    """With the momentum of the constructor, and half of it."""

    def update(self, p, g, state, group):
        super().update(p, g, state, {**group, "momentum": group["momentum"] / 2})


FixedMomentumHalved = functools.partial(FixedAndWrong, momentum=0.9)


class BetweenTwoDrifts(right.BetweenTwo):
    """A hundred roundings a step."""

    def update(self, p, g, state, group):
        super().update(p, g, state, group)
        p.mul_(1 + 100 * torch.finfo(p.dtype).eps)


class EstimateStands(right.Estimate):
    """Its steps are never made."""

    def update(self, p, g, state, group, estimate):
        was = p.clone()
        found = super().update(p, g, state, group, estimate)
        p.copy_(was)
        return found


class CountUnderAKeyRules(right.CountUnderAKey):
    """Its rate falls with the count, which a parameter that begins late shares."""

    def scale(self):
        return (1 + self.state["k"].item()) ** -0.5


class SharedStepSize(right.Rule):
    """RAdam whose step sizes, lr included, are kept by their count for all parameters, as torch_optimizer's."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))
        self.kept = [(0, 0.0, 0.0)] * 10

    def update(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        t = state["step"] = state.get("step", 0) + 1
        m = state["exp_avg"] = beta1 * state.get("exp_avg", 0 * p) + (1 - beta1) * g
        v = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0 * p) + (1 - beta2) * g * g
        if self.kept[t % 10][0] != t:
            most = 2 / (1 - beta2) - 1
            rho = most - 2 * t * beta2**t / (1 - beta2**t)
            size = group["lr"] / (1 - beta1**t)
            if rho > 5:
                size *= ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho) * (1 - beta2**t)) ** 0.5
            self.kept[t % 10] = t, rho, size
        _, rho, size = self.kept[t % 10]
        p.sub_(size * m / (v.sqrt() + group["eps"]) if rho > 5 else size * m)


class ScheduleFreeKeepsTheGradient(right.ScheduleFree):
    def update(self, p, g, state, group, part):
        super().update(p, state.setdefault("first", g), state, group, part)
