"""What a step changes beside its parameters: random states, torch's settings, what is printed."""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import torch

from twinstep.bench.battery.global_state import changes

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("global-state")


@controls.caught("torch's random state")
class DrawsNumbers(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g + 0 * torch.rand(1), state, group)


@controls.caught("Python's random state", "NumPy's random state")
class DrawsOtherNumbers(MomentumWithDecay):
    def one(self, p, g, state, group):
        random.random(), np.random.random()  # noqa: NPY002
        super().one(p, g, state, group)


@controls.caught("the default dtype from torch.float32 to torch.float64")
class SetsDtype(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        torch.set_default_dtype(torch.float64)
        super().__init__(params, lr)


@controls.caught("grad mode from True to False", "the number of threads")
class LeavesGradOff(MomentumWithDecay):
    def step(self, closure=None):
        torch.set_num_threads(torch.get_num_threads() + 1)
        super().step(closure)
        torch.set_grad_enabled(False)


@controls.caught("stdout: 'stepping", "stderr: 'careful")
class Talks(MomentumWithDecay):
    def step(self, closure=None):
        print("stepping")
        print("careful", file=sys.stderr)
        return super().step(closure)


@controls.caught("stdout: 'from below")
class TalksBelowPython(MomentumWithDecay):
    def step(self, closure=None):
        os.write(1, b"from below")
        return super().step(closure)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()


def test_surroundings_are_put_back():
    state, dtype = random.getstate(), torch.get_default_dtype()

    def use():
        random.random()
        torch.set_default_dtype(torch.float64)

    assert len(changes(use)) == 2
    assert (random.getstate(), torch.get_default_dtype()) == (state, dtype)
    assert changes(lambda: None) == []
