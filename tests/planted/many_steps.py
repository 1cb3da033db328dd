"""Mistakes that the check many-steps must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD
from .plain_lbfgs import PlainLBFGS


@bug("T1", "many-steps")
class AdagradForgets(PlainAdagrad):
    """The accumulator loses a millionth at every step."""

    def accumulate(self, total, grad, p, group):
        total.mul_(1 - 1e-6).addcmul_(grad, grad)


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


@bug("T1", "many-steps")
class LBFGSWiderMargin(PlainLBFGS):
    """A trial in the outer fifth of the bracket is moved, not in the outer tenth."""

    margin = 0.2


@bug("T1", "many-steps")
class LBFGSGoesOnUphill(PlainLBFGS):
    """A slope that is positive ends no bracketing."""

    def past_the_minimum(self, point):
        return False
