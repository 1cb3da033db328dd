"""Defaults are those of the reference."""

from __future__ import annotations

import torch

from .controls import Controls

controls = Controls("defaults")


@controls.caught("eps is 1e-06, not 1e-08", "another default: eps", against=torch.optim.Adam)
class OtherEps(torch.optim.Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-6):
        super().__init__(params, lr, betas, eps)


@controls.caught("betas is (0.9, 0.99), not (0.9, 0.999)", against="adam")
class OtherBeta(torch.optim.Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99)):
        super().__init__(params, lr, betas)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()
