"""A step that moves nothing, not everything, by chance or to NaN."""

from __future__ import annotations

import numpy as np
import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("step-moves")


@controls.caught("left parameter 0", "step() does nothing")
class DoesNothing(MomentumWithDecay):
    def one(self, p, g, state, group):
        pass


@controls.caught("left parameter 2 of shape ()")
class LeavesScalars(MomentumWithDecay):
    def one(self, p, g, state, group):
        if p.dim():
            super().one(p, g, state, group)


@controls.caught("differs at step 1 in parameter 0")
class Noisy(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g + float(np.random.default_rng().uniform(0, 0.01)), state, group)


@controls.caught("NaN")
class GivesNaN(MomentumWithDecay):
    def one(self, p, g, state, group):
        p.fill_(torch.nan)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
