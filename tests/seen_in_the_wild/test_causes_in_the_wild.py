"""What is wrong in each class is said by name; of one that differs otherwise that is not said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from twinstep.bench import check_optimizer
from twinstep.reference.torch_paths import twin
from twinstep.scratch_impls.spec import case

from . import wrong_causes as wrong
from .test_missed_in_the_wild import reported

HERE = Path(__file__).parent
DECOUPLED = "weight decay is decoupled instead of added to the gradient"
ADDED_EPS = "eps is added to g^2, not a lower bound"
BELOW_ROOT = "the root of a number far below 0, which no rounding explains"
SMALL_EPS = (case("small-eps", "its square is nothing beside float32's gradients", lr=0.01, eps=(1e-15, 1e-3)),)


def headlines(target, against, checks, **given):
    """Cause -> the checks that it explains, the likeliest first; and every failure must have one."""
    report = check_optimizer(target, against, checks=checks, **{"quick": True, **given})
    failed = {result.check for result in report.results if result.status == "failed"}
    assert failed and not report.errors, str(report)
    return {headline.cause: set(headline.checks) for headline in report.headlines}, failed


# class -> (held against, checks, the one headline, more arguments)
CAUSES = {
    "NoSquare": (twin("RMSprop"), ["one-step", "groups", "mixed-dtypes", "zero-gradients"], BELOW_ROOT, {}),
    "CenteredBySum": (twin("RMSprop"), ["constant-gradients"], BELOW_ROOT, {}),
    "Overflow": (None, ["constant-gradients"], "a power overflows the format", {}),
    "DecayIntoGradient": (
        twin("SGD"), ["inputs-untouched", "no-aliasing", "strides", "zero-gradients", "long-run"],
        "p.grad is changed in place", {},
    ),
    "NormalisedGradient": (
        twin("Adam"), ["inputs-untouched", "no-aliasing", "strides", "long-run"], "p.grad is changed in place", {},
    ),
    "SharedCount": (
        twin("Adam"), ["one-step", "many-steps", "late-parameters", "unusual-values", "long-run"],
        "a counter runs on without a gradient", {},
    ),
    "NesterovSign": (twin("SGD"), ["one-step"], "Nesterov's look-ahead has the wrong sign", {}),
    "NesterovFull": (twin("SGD"), ["one-step"], "Nesterov's look-ahead lacks the factor of momentum", {}),
    "NesterovBetween": (twin("SGD"), ["one-step"], "Nesterov's look-ahead is interpolated", {}),
    "FirstDampened": (twin("SGD"), ["one-step"], "the first velocity is (1 - momentum) g", {}),
    "FirstZero": (twin("SGD"), ["one-step"], "the first gradient is not remembered", {}),
    "AddedEps": (twin("Adafactor"), ["one-step"], ADDED_EPS, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_one_mistake_is_one_headline_that_names_it(name):
    against, checks, cause, given = CAUSES[name]
    found, failed = headlines(getattr(wrong, name), against, checks, **given)
    (said,) = found
    assert cause in said and found[said] == failed == set(checks)


def test_eps_of_adafactor_is_named_where_float64_alone_shows_it():
    found, _ = headlines(
        wrong.AddedEps, twin("Adafactor"), ["tiny-gradients"], cases=SMALL_EPS, dtypes=["float32", "float64"],
        quick=False,
    )  # fmt: skip
    assert found == {ADDED_EPS: {"tiny-gradients"}}


def test_a_convention_and_float32_are_both_said():
    in_float32, _ = headlines(wrong.DecoupledInFloat32, twin("Adam"), ["one-step"])
    assert list(in_float32) == [DECOUPLED]
    (both,), _ = headlines(wrong.DecoupledInFloat32, twin("Adam"), ["one-step"], quick=False)
    assert both.startswith(f"{DECOUPLED}; and with parameters of float64") and "float32" in both


def test_every_class_has_a_verdict():
    classes = {
        name for name, value in vars(wrong).items() if isinstance(value, type) and value.__module__ == wrong.__name__
    }
    assert classes - {"Rule", "AdamRule", "MomentumRule"} == {*CAUSES, "DecoupledInFloat32"}


WRITTEN_BACK = "the corrected averages are written back into the state"
CORRECTED_RATE = "weight decay is scaled by the bias-corrected rate instead of lr"
THIS_MOMENT = "exp_avg_sq of this step stands where that of the last step belongs"
MASK = "`m * m > 0` stands where `m * grad > 0` belongs"
LAST = "the last parameter of a group steps otherwise than it does alone"
AGREEMENT = ["one-step", "many-steps", "tiny-gradients"]
# report -> (the wrong class, held against, checks, the one headline)
REPORTED = {
    "adam_bias_in_place": ("Adam", twin("Adam"), [*AGREEMENT, "constant-gradients", "long-run"], WRITTEN_BACK),
    "adamw_corrected_rate_decays": ("AdamW", twin("AdamW"), [*AGREEMENT, "zero-gradients"], CORRECTED_RATE),
    "adopt_with_this_moment": ("ADOPT", "adopt", [*AGREEMENT, "long-run"], THIS_MOMENT),
    "cautious_mask_squares": ("CautiousAdamW", "cautious_adamw", [*AGREEMENT, "long-run"], MASK),
    "adam_last_parameter_ahead": (
        "Adam", twin("Adam"), ["constructor", "one-step", "groups", "none-gradients", "mixed-dtypes"], LAST,
    ),
    "lamb_zero_norm_nan": ("Lamb", "lamb", ["zero-gradients", "state-made-early"], "0/0"),
    "lars_zero_stays": ("LARS", "lars", ["one-step", "long-run"], "a parameter that is all zero never moves"),
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTED)
def test_what_was_reported_is_one_headline_that_names_it(name):
    cls, against, checks, cause = REPORTED[name]
    found, failed = headlines(getattr(reported(name), cls), against, checks)
    (said,) = found
    assert cause in said and found[said] == failed == set(checks)


# Controls: each is wrong in the place of one above, in another way, which must not be called the same.


class HalfAhead(wrong.MomentumRule):
    def ahead(self, g, buffer, mu):
        return g + mu / 2 * buffer


class FirstHalf(wrong.MomentumRule):
    def first(self, g, mu):
        return g / 3


class CountsTwice(wrong.AdamRule):
    """The group counts two a step from the second on."""

    def update(self, p, g, state, group):
        state["step"] = state.get("step", -1) + 2
        self.adam(p, g + group["weight_decay"] * p, state, state["step"], group)


class TwiceTheEps(wrong.AddedEps):
    def update(self, p, g, state, group):
        eps = group["eps"][0] or torch.finfo(p.dtype).eps
        super().update(p, g, state, {**group, "eps": (2 * eps, group["eps"][1])})


class DecoupledThrice(wrong.AdamRule):
    def update(self, p, g, state, group):
        p.mul_(1 - 3 * group["lr"] * group["weight_decay"])
        super().update(p, g, state, {**group, "weight_decay": 0})


class SquareFromBelow(wrong.AdamRule):
    """The average of the squares loses a hundredth of itself on its way into the state."""

    def adam(self, p, g, state, t, group):
        super().adam(p, g, state, t, group)
        state["exp_avg_sq"] = 0.99 * state["exp_avg_sq"]


class BetweenTheMoments(reported("adopt_with_this_moment").ADOPT):
    """Divided by the mean of this step's second moment and the last one's."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                state, g, (b1, b2) = self.state[p], p.grad.add(p, alpha=group["weight_decay"]), group["betas"]
                if not state:
                    state.update(step=1, exp_avg=torch.zeros_like(p), exp_avg_sq=g * g)
                    continue
                old, clip = state["exp_avg_sq"], state["step"] ** 0.25
                state["exp_avg_sq"] = b2 * old + (1 - b2) * g * g
                v = (old + state["exp_avg_sq"]) / 2
                state["step"] += 1
                state["exp_avg"].lerp_((g / v.sqrt().clamp_(min=group["eps"])).clamp_(-clip, clip), 1 - b1)
                p.add_(state["exp_avg"], alpha=-group["lr"])


class DecayAtAnotherRate(wrong.AdamRule):
    """Decoupled, by lr sqrt(1 - beta2^t) alone."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(self, p, g, state, group):
        rate = group["lr"] * (1 - group["betas"][1] ** (state.get("step", 0) + 1)) ** 0.5
        p.mul_(1 - rate * group["weight_decay"])
        super().update(p, g, state, {**group, "weight_decay": 0})


OTHERWISE = {
    HalfAhead: twin("SGD"),
    FirstHalf: twin("SGD"),
    CountsTwice: twin("Adam"),
    TwiceTheEps: twin("Adafactor"),
    DecoupledThrice: twin("Adam"),
    SquareFromBelow: twin("Adam"),
    DecayAtAnotherRate: twin("AdamW"),
    BetweenTheMoments: "adopt",
}


@pytest.mark.parametrize("cls", OTHERWISE, ids=lambda cls: cls.__name__)
def test_control_what_differs_otherwise_gets_no_name(cls):
    report = check_optimizer(cls, OTHERWISE[cls], checks=["one-step", "many-steps"], quick=True)
    assert report.counts["failed"] and not report.headlines, str(report)
