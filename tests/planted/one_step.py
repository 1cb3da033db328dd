"""Mistakes that the check one-step must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainAdamW, PlainRMSprop, PlainSGD
from .plain_lbfgs import PlainLBFGS


@bug("T1", "one-step", cause="it steps uphill: the sign of the gradient is turned")
class SGDUphill(PlainSGD):
    """The step is added instead of subtracted."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, -grad, state, group)


@bug("T1", "one-step", "geoopt#164", cause="the first velocity is dampened as well")
class SGDDampenedFirst(PlainSGD):
    """The first velocity is dampened as well."""

    def first(self, grad, group):
        return (1 - group["dampening"]) * grad


@bug("T1", "one-step", "mxnet#9363")
class SGDLooksAheadTwice(PlainSGD):
    """Nesterov's step is g + momentum (g + momentum v)."""

    def look_ahead(self, grad, buf, group):
        return grad + group["momentum"] * (grad + group["momentum"] * buf)


@bug("T1", "one-step", cause="the two betas are exchanged")
class AdamBetasExchanged(PlainAdam):
    """beta1 averages the squares, beta2 the gradients."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "betas": group["betas"][::-1]})


@bug("T1", "one-step", "the default of mlx", cause="the bias correction is missing")
class AdamUncorrected(PlainAdam):
    """No bias correction."""

    def move(self, p, m, v, step, group):
        super().move(p, m, v, 10**9, group)


@bug("T1", "one-step", "mlx#1640")
class AdamHalfCorrected(PlainAdam):
    """The second average is not corrected."""

    def root(self, v, correction, group):
        return super().root(v, 1.0, group)


@bug("T1", "one-step", "mxnet#8925", cause="the step count is one too high")
class AdamCountsFromTwo(PlainAdam):
    """The bias correction is that of the next step."""

    def move(self, p, m, v, step, group):
        super().move(p, m, v, step + 1, group)


@bug("T1", "one-step", "jettify#454")
class AdamCrossedAverages(PlainAdam):
    """The average of the squares is weighted by 1 - beta1."""

    def average(self, state, grad, group):
        beta1, beta2 = group["betas"]
        state["exp_avg"].mul_(beta1).add_(grad, alpha=1 - beta1)
        state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta1)


@bug("T1", "one-step", "keras#19051")
class AdamForgetsTheMaximum(PlainAdam):
    """amsgrad takes the larger of the last two averages instead of the largest of all."""

    def maximum(self, state, step, group):
        now = torch.maximum(state["max_exp_avg_sq"], state["exp_avg_sq"])
        state["max_exp_avg_sq"] = state["exp_avg_sq"].clone()
        return now


@bug("T1", "one-step", "optax's convention", cause="the maximum of amsgrad is taken of the corrected average")
class AdamCorrectedMaximum(PlainAdam):
    """amsgrad keeps the maximum of the corrected average."""

    def maximum(self, state, step, group):
        corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** step)
        torch.maximum(state["max_exp_avg_sq"], corrected, out=state["max_exp_avg_sq"])
        return state["max_exp_avg_sq"] * (1 - group["betas"][1] ** step)


@bug("T1", "one-step", "transformers#14539", cause="weight decay is decoupled instead of added to the gradient")
class AdamDecoupled(PlainAdam):
    """Adam decays as AdamW does."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad, {**group, "decoupled_weight_decay": True})


@bug("T1", "one-step", "jettify#443", cause="weight decay is added to the gradient instead of decoupled")
class AdamWCoupled(PlainAdamW):
    """AdamW decays as Adam does."""

    def decayed(self, p, grad, group):
        return self.gradient(p, grad, group)


@bug("T1", "one-step", "kozistr#308", cause="weight decay is not scaled by lr")
class AdamWAbsoluteDecay(PlainAdamW):
    """The decay is not scaled by lr."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad, {**group, "lr": 1.0})


@bug("T1", "one-step", "Paddle#12231", cause="weight decay is applied after the step")
class AdamWDecaysLast(PlainAdamW):
    """The decay comes after the step."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "weight_decay": 0})
        p.mul_(1 - group["lr"] * group["weight_decay"])


@bug("T1", "one-step", "fastai's convention")
class RMSpropMomentumOfGradient(PlainRMSprop):
    """Momentum averages the raw gradient instead of the scaled step."""

    def move(self, p, grad, root, state, group):
        if group["momentum"]:
            grad = state["momentum_buffer"].mul_(group["momentum"]).add_(grad)
        p.addcdiv_(grad, root, value=-group["lr"])


@bug("T1", "one-step")
class RMSpropMeanNotSquared(PlainRMSprop):
    """Centered subtracts |mean| instead of its square."""

    def variance(self, state, group):
        v = state["square_avg"]
        return (v - state["grad_avg"].abs()).clamp_(min=0) if group["centered"] else v


@bug("T1", "one-step")
class RMSpropAlphaExchanged(PlainRMSprop):
    """alpha weighs the new square instead of the old average."""

    def average(self, state, grad, group):
        super().average(state, grad, {**group, "alpha": 1 - group["alpha"]})


@bug("T1", "one-step")
class AdagradCountsFromOne(PlainAdagrad):
    """lr_decay divides by 1 + t lr_decay instead of 1 + (t - 1) lr_decay."""

    def rate(self, step, group):
        return super().rate(step + 1, group)


@bug("T1", "one-step")
class AdagradRestsOnDecay(PlainAdagrad):
    """Weight decay is left out of the accumulator."""

    def accumulate(self, total, grad, p, group):
        bare = grad - group["weight_decay"] * p
        total.addcmul_(bare, bare)


@bug("T1", "one-step", "a clip that was left in")
class SGDClips(PlainSGD):
    """Gradients are clipped at 10."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad.clamp(-10, 10), group)


@bug("T1", "one-step")
class LBFGSGoesOnForNothing(PlainLBFGS):
    """A small change of the loss alone is no end."""

    def still(self, moved, change, group):
        return moved.abs().max() <= group["tolerance_change"]


@bug("T1", "one-step")
class LBFGSTakesEveryPair(PlainLBFGS):
    """A pair along which the loss curves downward is kept as well."""

    def curves_upward(self, curvature):
        return curvature != 0


@bug("T1", "one-step")
class LBFGSForgetsTheNewest(PlainLBFGS):
    """The first pairs are kept when there are too many."""

    def kept(self, vectors, group):
        return vectors[: group["history_size"]]


@bug("T1", "one-step")
class LBFGSRemembersOneMore(PlainLBFGS):
    """A pair more than history_size is kept."""

    def kept(self, vectors, group):
        return vectors[-group["history_size"] - 1 :]


@bug("T1", "one-step")
class LBFGSOldestScale(PlainLBFGS):
    """H_0 is made of the oldest pair."""

    def scale(self, pairs):
        return super().scale(pairs[:1])


@bug("T1", "one-step")
class LBFGSLosesAlpha(PlainLBFGS):
    """The second loop goes without the alphas of the first."""

    def correction(self, s, y, d, alpha):
        return -y.dot(d) / y.dot(s)
