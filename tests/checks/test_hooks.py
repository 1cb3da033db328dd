"""Hooks before and after a step run."""

from __future__ import annotations

import functools

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("hooks")


@controls.caught("pre-hook did not run")
class NoHooks(MomentumWithDecay):
    def _patch_step_function(self):
        super()._patch_step_function()
        self.step = functools.partial(
            MomentumWithDecay.step.__wrapped__
            if hasattr(MomentumWithDecay.step, "__wrapped__")
            else MomentumWithDecay.step,
            self,
        )


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
