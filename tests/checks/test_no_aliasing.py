"""No state shares memory with a parameter, a gradient or other state."""

from __future__ import annotations

import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("no-aliasing")


@controls.caught("state of parameter 0: ['v'] shares memory with parameter 0.grad")
class KeepsTheGradient(MomentumWithDecay):
    def one(self, p, g, state, group):
        state["v"] = group["momentum"] * state["v"] + g if "v" in state else g
        p.sub_(group["lr"] * state["v"])


@controls.caught("shares memory with state of parameter 0: ['n']")
class SharesCounter(MomentumWithDecay):
    def one(self, p, g, state, group):
        self.n = getattr(self, "n", torch.zeros(1))
        state["n"] = self.n
        super().one(p, g, state, group)


@controls.caught("shares memory with parameter 0")
class KeepsTheParameter(MomentumWithDecay):
    def one(self, p, g, state, group):
        state["last"] = p.detach()
        super().one(p, g, state, group)


@controls.caught("filled anew, and in fresh ones, differ", "keeps p.grad")
class KeepsTheGradientElsewhere(MomentumWithDecay):
    def one(self, p, g, state, group):
        self.kept = getattr(self, "kept", {})
        last, self.kept[p] = self.kept.get(p), g
        super().one(p, g if last is None else g + 0.5 * last, state, group)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
