"""Whatever torch's constructor takes: generators, groups, names; and no empty list."""

from __future__ import annotations

import torch

from .controls import Controls
from .right_optimizers import MomentumWithDecay

controls = Controls("constructor")


@controls.caught("a generator of tensors")
class UsesUpGenerators(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        self.count = sum(1 for _ in params)
        super().__init__(params, lr)


@controls.caught("a list of group dicts")
class TensorsOnly(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        params = list(params)
        self.count = sum(p.numel() for p in params)
        super().__init__(params, lr)


@controls.caught("named parameters")
class NoNames(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        params = list(params)
        if isinstance(params[0], tuple):
            raise TypeError("tuples")
        super().__init__(params, lr)


@controls.caught("an empty list without a word")
class TakesNothing(MomentumWithDecay):
    def __init__(self, params, lr=0.1):
        params = list(params)
        super().__init__(params or [torch.nn.Parameter(torch.zeros(1))], lr)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
