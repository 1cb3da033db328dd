"""What was missed once fails a check that names the mistake; and `Right`, the same without it, passes the battery."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from twinstep.bench import check_optimizer
from twinstep.bench.battery.checks import CHECKS
from twinstep.reference.torch_paths import twin

from . import missed

HERE = Path(__file__).parent


def reported(name):
    return importlib.import_module(f".reports.{name}", __package__)


class SGDClippedByAll(torch.optim.Optimizer):
    """The reference of sgd_clips_each_group: SGD after torch's own clipping by the norm over all parameters."""

    def __init__(self, params, lr=1e-3, momentum=0, weight_decay=0, max_norm=1.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "max_norm": max_norm})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        params = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.nn.utils.get_total_norm([p.grad for p in params])
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                g = p.grad * (group["max_norm"] / (norm + 1e-6)).clamp(max=1.0) + group["weight_decay"] * p
                if group["momentum"]:
                    old = self.state[p].get("momentum_buffer")
                    g = self.state[p]["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
                p.sub_(group["lr"] * g)
        return loss


# class -> (held against, check that must fail, words of its first line or message, more arguments)
MISSED = {
    "GroupMaximize": (twin("SGD"), "groups", ["the group's own maximize is not used"]),
    "GroupMomentum": (twin("SGD"), "groups", ["the group's own momentum is not used"]),
    "GroupAlpha": (twin("RMSprop"), "groups", ["the group's own alpha is not used"]),
    "GroupBetas": (twin("Adam"), "groups", ["the group's own betas is not used"]),
    "TensorRate": (twin("SGD"), "learning-rate-change", ['a number set as group["lr"] is ignored']),
    "RelativeRate": (None, "groups", ["the group's own lr is not used"]),
    "StartsAnew": (
        twin("SGD"), "save-load", ["torch.load(weights_only=True) refuses", "does not carry all of the state"],
    ),
    "WideState": (twin("SGD"), "bfloat16-save-load", ["'torch.bfloat16 on cpu' instead of 'torch.float32 on cpu'"]),
    "ForeachEmptyGroup": (twin("SGD"), "paths", ["with foreach=True", "a group without parameters raises"]),
    "ForeachGradients": (twin("SGD"), "paths", ["with foreach=True", "p.grad is changed in place"]),
    "RootOfRoot": (twin("Adam"), "constant-gradients", ["with bounded=True", "to the power 0.5"]),
    "SkipsEqual": (twin("SGD"), "constant-gradients", ["step 2 under one gradient", "a gradient that comes again"]),
    "MovesAtZero": (missed.DualAveraging, "learning-rate-change", ["at lr=0 it moves", "DualAveraging does not"]),
}  # fmt: skip

# file -> (the wrong class, held against, check that must fail, words)
REPORTS = {
    "adam_bias_in_place": ("Adam", twin("Adam"), "one-step", []),
    "adam_last_parameter_ahead": ("Adam", twin("Adam"), "groups", ["the last parameter of a group steps otherwise"]),
    "adam_old_checkpoint": ("Adam", twin("Adam"), "save-load", ["amsgrad is not filled in", "KeyError"]),
    "adamw_corrected_rate_decays": ("AdamW", twin("AdamW"), "one-step", []),
    "adamw_leaves_projected_gradient": ("AdamW", twin("AdamW"), "inputs-untouched", ["p.grad has another shape"]),
    "adopt_with_this_moment": ("ADOPT", "adopt", "one-step", []),
    "cautious_mask_squares": ("CautiousAdamW", "cautious_adamw", "one-step", []),
    "lamb_zero_norm_nan": ("Lamb", "lamb", "zero-gradients", ["0/0"]),
    "larc_keeps_old_groups": ("Made", twin("SGD"), "save-load", ["remembered at construction"]),
    "lars_zero_stays": ("LARS", "lars", "one-step", ["a parameter that is all zero never moves"]),
    "muon_scale_of_conv": ("Muon", twin("Muon"), "shapes", ["by the scale of another shape"]),
    "sgd_clips_each_group": ("SGD", SGDClippedByAll, "groups", ["is taken of each alone"]),
    "sgd_empty_group": ("SGD", twin("SGD"), "groups", ["a group without parameters raises"]),
    "sgd_keeps_the_graph": ("SGD", twin("SGD"), "no-aliasing", ["state keeps the graph"]),
    "sgd_stale_groups": ("SGD", twin("SGD"), "save-load", ["remembered at construction"]),
    "sgd_stochastic_rounding_overwritten": (
        "SGD", twin("SGD"), "options-have-effect", ["ignored: stochastic_rounding", "bfloat16"],
    ),
}  # fmt: skip


def chapter(check):
    return CHECKS[check].function.__module__.split(".")[-2]


def judge(target, against, checks=None, battery=None):
    report = check_optimizer(target, against, checks=checks, quick=True, supports=["bfloat16"], battery=battery)
    return {result.check: result for result in report.results}


def assert_named(result, words):
    assert result.status == "failed", str(result)
    missing = [word for word in words if word not in f"{result.cause}\n{result.message}"]
    assert not missing, f"it does not say {missing}: {result}"


@pytest.mark.parametrize("name", MISSED)
def test_what_was_missed_fails_the_check_that_names_it(name):
    against, check, words = MISSED[name]
    assert_named(judge(getattr(missed, name), against, [check])[check], words)


@pytest.mark.parametrize("name", REPORTS)
def test_what_was_reported_fails_the_check_that_names_it(name):
    wrong, against, check, words = REPORTS[name]
    assert_named(judge(getattr(reported(name), wrong), against, [check])[check], words)


@pytest.mark.parametrize("name", REPORTS)
def test_control_the_right_one_passes(name):
    """The check in question and its neighbours."""
    _, against, check, _ = REPORTS[name]
    found = judge(reported(name).Right, against, [each for each in CHECKS if chapter(each) == chapter(check)])
    assert not [str(result) for result in found.values() if result.status not in ALLOWED]
    assert found[check].status == "passed"


@pytest.mark.thorough("sixteen batteries, half a minute; what is right in other ways is in test_false_accusations")
@pytest.mark.parametrize("name", REPORTS)
def test_control_the_right_one_passes_the_quick_battery(name):
    found = judge(reported(name).Right, REPORTS[name][1])
    assert not [str(result) for result in found.values() if result.status not in ALLOWED]
    assert sum(result.status == "passed" for result in found.values()) > 25


# What 0.2.0 passed, or said nothing of, passes by its battery: an upgrade alone turns nobody red.
FAILED_BEFORE = {"StartsAnew", "WideState"}
PASSED_BEFORE = ["adam_old_checkpoint", "sgd_keeps_the_graph", "muon_scale_of_conv"]


@pytest.mark.parametrize("name", sorted(set(MISSED) - FAILED_BEFORE))
def test_the_battery_of_before_does_not_ask_what_it_missed(name):
    against, check, _ = MISSED[name]
    assert judge(getattr(missed, name), against, [check], battery="0.2")[check].status in ALLOWED


@pytest.mark.parametrize("name", PASSED_BEFORE)
def test_the_battery_of_before_does_not_ask_what_was_reported(name):
    wrong, against, check, _ = REPORTS[name]
    assert judge(getattr(reported(name), wrong), against, [check], battery="0.2")[check].status in ALLOWED


@pytest.mark.parametrize("name", sorted(FAILED_BEFORE))
def test_control_what_failed_before_fails_by_that_battery(name):
    against, check, _ = MISSED[name]
    assert judge(getattr(missed, name), against, [check], battery="0.2")[check].status == "failed"


ALLOWED = ("passed", "not applicable", "not declared")


def test_every_file_has_a_verdict():
    files = {path.stem for path in (HERE / "reports").glob("*.py")} - {"__init__"}
    assert files == set(REPORTS)
