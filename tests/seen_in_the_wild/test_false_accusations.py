"""No class that is right in an unusual way is accused, and one built like it that is wrong still fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
import torch

from twinstep.bench.battery.judge import check_optimizer
from twinstep.bench.battery.request import shapes_in

from . import false_accusations as right
from . import like_them_but_wrong as wrong

SGD, ADAM, RMSPROP = torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop
NO_DICTS = "its groups are no dicts: a group is a tuple"


class Kind(NamedTuple):
    """may_fail: those that the class is known for; says: check -> what its message holds, passed or not applicable."""

    right: str
    against: object
    wrong: str
    caught: str
    options: Mapping = MappingProxyType({})
    may_fail: tuple = ()
    says: Mapping = MappingProxyType({})


KINDS = [
    Kind("TupleState", SGD, "TupleStateOfAnother", "one-step",
         says={"state-exchange": "no dict but a tuple"}),
    Kind("NamedTupleState", SGD, "NamedTupleStateLost", "save-load"),
    Kind("TupleGroups", SGD, "TupleGroupsTwice", "one-step", may_fail=("constructor",), says={
        "one-step": NO_DICTS, "learning-rate-change": NO_DICTS, "scheduler": NO_DICTS, "groups": NO_DICTS,
        "added-group": NO_DICTS, "save-load": NO_DICTS}),
    Kind("RateOfNone", SGD, "RateOfNoneUphill", "one-step", says={
        "one-step": 'group["lr"] is None', "many-steps": 'group["lr"] is None'}),
    Kind("RelativeStep", torch.optim.Adafactor, "RelativeStepUnclipped", "one-step",
         says={"one-step": 'group["lr"] is None'}),
    Kind("NestedState", SGD, "NestedStateForgets", "many-steps"),
    Kind("StringKey", "momentum", "StringKeyCounts", "save-load"),
    Kind("ThreeBetas", None, "ThreeBetasKeepsTheGradient", "no-aliasing"),
    Kind("RequiredRate", SGD, "RequiredRateForeach", "paths"),
    Kind("OneOfTwo", SGD, "OneOfTwoTwice", "one-step", may_fail=("defaults",)),
    Kind("OptionsInTheGroup", SGD, "OptionsInTheGroupKept", "scheduler"),
    Kind("OneRate", SGD, "OneRateSecondGroup", "groups", says={
        name: "it refuses groups with rates of their own: RuntimeError: all groups must have the same lr"
        for name in ("groups", "added-group", "save-load")}),
    Kind("CorrectedAverages", ADAM, "CorrectedAveragesKept", "option-change", {"supports": ["bfloat16"]}),
    Kind("CubeRoot", Path(__file__).with_name("cube_root.py"), "CubeRootOfMore", "one-step"),
    Kind("StochasticRounding", None, "StochasticRoundingKeepsTheGradient", "no-aliasing", {"dtypes": ["float32"]},
         ("global-state",), {name: "it draws random numbers" for name in (
             "groups", "none-gradients", "late-start", "added-group", "frozen", "mixed-dtypes", "strides")}),
    Kind("RandomHalf", None, "RandomHalfAtOneRate", "learning-rate-change", {"dtypes": ["float32"]},
         ("global-state",), {"groups": "it draws random numbers"}),
    Kind("RelativeDecay", None, "RelativeDecayOfACopy", "outside-changes"),
    Kind("RefusesSmall", SGD, "RefusesSmallUphill", "one-step", says={
        "is-an-optimizer": "larger shapes are judged: ValueError: a matrix needs sides of 4 or more",
        "shapes": "it refuses the shape (3, 0): ValueError: a matrix needs sides of 4 or more, not (3, 0)"}),
    Kind("SmallOtherwise", RMSPROP, "SmallOtherwiseAndLarge", "one-step", {"shapes": shapes_in("64x16,8x3x3x3,17")}),
    Kind("FixedMomentum", SGD, "FixedMomentumHalved", "one-step", says={
        "is-an-optimizer": "torch.optim:SGD is made with momentum=0.9 as well, which it fixes"}),
    Kind("BetweenTwo", None, "BetweenTwoDrifts", "zero-gradients"),
    Kind("Estimate", None, "EstimateStands", "step-moves", {"declare": ["coupled"]}, (), {
        "step-moves": "shorter than the rounding", "options-have-effect": "log_every moves no parameter"}),
    Kind("ScheduleFree", None, "ScheduleFreeKeepsTheGradient", "no-aliasing", {"declare": ["group-state"]}, (), {
        "is-an-optimizer": "train() is called when it is made"}),
    Kind("ThreeBetas", ADAM, "ThreeBetasKeepsTheGradient", "no-aliasing", says={
        "is-an-optimizer": "held against nothing: no case of torch.optim:Adam has only options that it takes"}),
    Kind("CountUnderAKey", None, "CountUnderAKeyRules", "late-start", says={
        "distributed-checkpoint": "it has state under 'k'"}),
]  # fmt: skip
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.right)


@each
def test_a_class_that_is_right_is_not_accused(kind):
    report = check_optimizer(getattr(right, kind.right), kind.against, quick=True, **kind.options)
    assert {result.check for result in report.results if result.bad} <= set(kind.may_fail), str(report.summary())
    assert report.ran >= 20
    told = {result.check: result.message for result in report.results}
    for check, text in kind.says.items():
        assert text in told[check], f"{check}: {told[check]}"


@each
def test_one_like_it_that_is_wrong_fails(kind):
    (result,) = check_optimizer(
        getattr(wrong, kind.wrong), kind.against, checks=[kind.caught], quick=True, **kind.options
    ).results
    assert result.status == "failed" and "raised" not in result.cause, str(result)


def test_a_declaration_that_shows_under_a_lasting_slope_alone_holds():
    declared = check_optimizer(right.Estimate, declare=["coupled"], checks=["declared-coupled"], quick=True)
    assert declared.passed, str(declared)


def test_a_parameter_that_begins_late_is_not_taken_for_a_small_one():
    """RAdam whose step size is kept by its count for all groups, as torch_optimizer's: lengths 7 and 8 differ there."""
    (result,) = check_optimizer(wrong.SharedStepSize, torch.optim.RAdam, checks=["late-parameters"], quick=True).results
    assert result.status == "failed" and "fewer than" not in result.cause, str(result)


def test_without_shapes_the_size_that_differs_is_named():
    (result,) = check_optimizer(right.SmallOtherwise, RMSPROP, checks=["one-step"], quick=True).results
    assert result.cause == "only parameters of fewer than 16 elements differ"
