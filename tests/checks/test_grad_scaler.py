"""A fused unscaling divides by grad_scale, and skips a step at found_inf."""

from __future__ import annotations

import torch

from twinstep.reference import torch_paths

from .one_check import ALONE, caught, run, supports
from .right_optimizers import Momentum


class Scaled(Momentum):
    """Right: it divides by grad_scale and stands still at found_inf."""

    _step_supports_amp_scaling = True

    def move(self, p, state, group):
        if getattr(self, "found_inf", None) is not None and self.found_inf:
            return
        if getattr(self, "grad_scale", None) is not None:
            p.grad = p.grad / self.grad_scale
        super().move(p, state, group)


def test_the_scaler_protocol_is_judged():
    class Ignores(Momentum):
        _step_supports_amp_scaling = True

    class Unskipped(Scaled):
        def move(self, p, state, group):
            self.found_inf = None
            p.grad = torch.nan_to_num(p.grad, posinf=0.0)
            super().move(p, state, group)

        def step(self, closure=None):
            kept = self.found_inf
            super().step()
            self.found_inf = kept

    class Counts(Scaled):
        def move(self, p, state, group):
            state["step"] = state.get("step", 0) + 1
            super().move(p, state, group)

    class Empty(Scaled):
        """Its first buffer is memory that nobody wrote to when the first step is skipped."""

        def move(self, p, state, group):
            first = "momentum_buffer" not in state
            state.setdefault("momentum_buffer", torch.empty_like(p))
            if first and not getattr(self, "found_inf", 0):
                state["momentum_buffer"].zero_()
            super().move(p, state, group)

    rest = {**ALONE, **supports("grad-scaler")}
    run("grad-scaler", Scaled, **rest)
    caught("grad-scaler", "1024 times as large", Ignores, **rest)
    caught("grad-scaler", "skipped by found_inf", Unskipped, **rest)
    caught("grad-scaler", "p0.step", Counts, **rest)
    caught("grad-scaler", "before step 1, that found_inf skipped: p0.param.*nan", Empty, **rest)


def test_torch_fused_sgd_that_skips_its_first_step_has_a_buffer_nobody_wrote():
    def fused(params, lr=0.1, momentum=0.9):
        return torch_paths.build("SGD", "fused", params, lr=lr, momentum=momentum)

    caught("grad-scaler", "before step 1, that found_inf skipped.*nan", fused, **ALONE, **supports("grad-scaler"))
