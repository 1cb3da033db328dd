"""Every option changes a step, alone or beside others."""

from __future__ import annotations

import torch

from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.checks.options._option_effect import effects
from twinstep.bench.battery.context import context_for
from twinstep.bench.battery.judge import run_check
from twinstep.scratch_impls import Case

from .controls import Controls
from .right_optimizers import MomentumWithDecay

# dampening, nesterov, amsgrad and more that are held against their twins: tests/planted/options_have_effect.py
controls = Controls("options-have-effect")


@controls.caught("ignored: weight_decay")
class NoDecay(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g, state, {**group, "weight_decay": 0})


@controls.caught("ignored: betas[1]")
class OneBeta(torch.optim.Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, (betas[0], 0.99), eps)


@controls.caught("ignored: eps")
class NoEps(torch.optim.RMSprop):
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0):
        super().__init__(params, lr, alpha, 1e-8, momentum=momentum)


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()


def test_an_option_that_takes_no_other_value_is_told_and_no_fault():
    class Stubborn(MomentumWithDecay):
        def __init__(self, params, lr=0.1, mode=3):
            if mode != 3:
                raise ValueError(mode)
            super().__init__(params, lr)

    context = context_for(Stubborn)
    assert effects(context) == {"lr": "effect", "mode": "every value that was tried is refused"}
    assert run_check(CHECKS["options-have-effect"], context).status == "passed"


def test_an_option_that_shows_only_beside_another_is_found_without_cases():
    context = context_for(torch.optim.SGD, cases=[Case(name="default", reason="nothing")])
    assert set(effects(context).values()) == {"effect"}


class Scaled(MomentumWithDecay):
    """Decay can be decoupled, and then be scaled by lr: three options that show together alone."""

    def __init__(self, params, lr=0.1, weight_decay=0.0, decoupled=False, squared=False):
        super().__init__(params, lr, 0.0, weight_decay)
        for group in self.param_groups:
            group.update(decoupled=decoupled, squared=squared)

    def one(self, p, g, state, group):
        decay = group["weight_decay"] * p
        if group["decoupled"]:
            p.sub_(group["lr"] ** (2 if group["squared"] else 1) * decay)
        p.sub_(group["lr"] * (g if group["decoupled"] else g + decay))


def test_an_option_that_shows_only_beside_two_others_is_found_from_a_case_with_one_of_them():
    cases = [Case(name="default", reason="nothing"), Case(name="decay", reason="decay", hyper={"weight_decay": 0.1})]
    assert set(effects(context_for(Scaled, cases=cases)).values()) == {"effect"}
    assert effects(context_for(Scaled, cases=cases[:1]))["squared"] == "ignored"
