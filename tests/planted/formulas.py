"""Wrong formulas (T1), a misplaced eps (T2)."""

from __future__ import annotations

import torch

from . import bug
from .plain import PlainAdagrad, PlainAdam, PlainAdamW, PlainRMSprop, PlainSGD


@bug("T1", "step-moves", "a parity test that never called step()")
class SGDDoesNothing(PlainSGD):
    """step() does nothing."""

    def step_one(self, p, grad, state, group):
        pass


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


@bug("T1", "many-steps")
class AdagradForgets(PlainAdagrad):
    """The accumulator loses a millionth at every step."""

    def accumulate(self, total, grad, p, group):
        total.mul_(1 - 1e-6).addcmul_(grad, grad)


@bug("T1", "one-step", "a clip that was left in")
class SGDClips(PlainSGD):
    """Gradients are clipped at 10."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad.clamp(-10, 10), group)


@bug("T1", "defaults", "eps of Keras")
class AdamOtherDefault(PlainAdam):
    """eps is 1e-7 unless given."""

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-7, weight_decay=0, amsgrad=False, *, maximize=False,
        decoupled_weight_decay=False,
    ):  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
                         decoupled_weight_decay=decoupled_weight_decay)  # fmt: skip


@bug("T1", "constructor")
class SGDReadsParamsTwice(PlainSGD):
    """The constructor counts the parameters first, which empties a generator."""

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False):
        self.size = sum(1 for _ in params)
        super().__init__(params, lr, momentum, dampening, weight_decay, nesterov, maximize=maximize)


@bug("T2", "tiny-gradients", "pytorch#22628", cause="eps stands inside the root")
class RMSpropEpsInside(PlainRMSprop):
    """sqrt(v + eps) instead of sqrt(v) + eps."""

    def root(self, v, group):
        return (v + group["eps"]).sqrt_()


@bug("T2", "tiny-gradients", "optax#532", cause="eps stands inside the root")
class AdagradEpsInside(PlainAdagrad):
    """sqrt(s + eps) instead of sqrt(s) + eps."""

    def root(self, total, group):
        return (total + group["eps"]).sqrt_()


@bug("T2", "tiny-gradients", "Paddle#28325", cause="eps stands inside the root")
class AdamEpsInside(PlainAdam):
    """sqrt(v + eps) instead of sqrt(v) + eps, after the correction."""

    def root(self, v, correction, group):
        return (v / correction + group["eps"]).sqrt_()


@bug("T2", "tiny-gradients", "Keras and TF1", cause="eps is added before the bias correction (epsilon hat)")
class AdamEpsHat(PlainAdam):
    """eps is added before the bias correction."""

    def root(self, v, correction, group):
        return v.sqrt().add_(group["eps"]) / correction**0.5


@bug("T2", "tiny-gradients", "kozistr#480")
class AdamEpsIsAFloor(PlainAdam):
    """max(sqrt(v), eps) instead of sqrt(v) + eps."""

    def root(self, v, correction, group):
        return (v / correction).sqrt_().clamp_(min=group["eps"])


@bug("T2", "tiny-gradients", "pytorch#92551")
class AdamEpsSquared(PlainAdam):
    """eps * eps, as the square root of a sum of squares would have it."""

    def root(self, v, correction, group):
        return (v / correction + group["eps"] ** 2).sqrt_()


@bug("T2", "tiny-gradients", cause="eps is left out")
class AdamNoEps(PlainAdam):
    """eps is left out; a gradient of zero gives 0/0, which is taken for 0."""

    def move(self, p, m, v, step, group):
        first, second = (1 - beta**step for beta in group["betas"])
        p.sub_((group["lr"] / first * m / (v / second).sqrt_()).nan_to_num_(nan=0.0))
