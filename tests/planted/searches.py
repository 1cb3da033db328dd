"""Wrong formulas (T1) of a quasi-Newton method: what it remembers, where it ends, how it searches a line."""

from __future__ import annotations

from . import bug
from .plain_lbfgs import PlainLBFGS


@bug("T1", "many-steps")
class LBFGSWiderMargin(PlainLBFGS):
    """A trial in the outer fifth of the bracket is moved, not in the outer tenth."""

    margin = 0.2


@bug("T1", "many-steps")
class LBFGSGoesOnUphill(PlainLBFGS):
    """A slope that is positive ends no bracketing."""

    def past_the_minimum(self, point):
        return False


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


@bug("T8", "tiny-gradients")
class LBFGSAliasesTheGradient(PlainLBFGS):
    """The gradient of a single parameter is kept as it is, and becomes the next one."""

    def gradient(self):
        grad = self.params[0].grad
        return super().gradient() if len(self.params) > 1 or grad is None else grad.view(-1)
