"""Mistakes that the check tiny-gradients must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop
from .plain_lbfgs import PlainLBFGS


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


@bug("T8", "tiny-gradients")
class LBFGSAliasesTheGradient(PlainLBFGS):
    """The gradient of a single parameter is kept as it is, and becomes the next one."""

    def gradient(self):
        grad = self.params[0].grad
        return super().gradient() if len(self.params) > 1 or grad is None else grad.view(-1)
