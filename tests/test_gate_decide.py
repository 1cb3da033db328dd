"""The gate's decision: effect size, consistency, confirmation, and a null arm that can veto."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinstep.bench.gate.decide import ALPHA, INCONCLUSIVE, OPEN, PASS, REGRESSION, Rule, decide
from twinstep.bench.gate.statistics import changes, comparable_times, median_error

RULE = Rule()
MOST = 2 * RULE.extended
CALM = [0.0] * MOST


def verdict(found, nulls=None):
    return decide(found, CALM[: len(found)] if nulls is None else nulls, RULE).verdict


def test_identical_code_passes_after_few_processes():
    assert verdict([0.001, -0.002]) == OPEN
    assert verdict([0.001, -0.002, 0.004]) == PASS


def test_a_slowdown_is_red_only_when_new_processes_confirm_it():
    assert verdict([0.05, 0.06, 0.05]) == OPEN  # suspect
    assert verdict([0.05, 0.06, 0.05, 0.05, 0.06, 0.04]) == OPEN
    assert verdict([0.05, 0.06, 0.05, 0.05, 0.06, 0.04, 0.05]) == REGRESSION
    unlucky = decide([0.05, 0.06, 0.05, 0.0, 0.001, -0.002, 0.004], CALM[:7], RULE)
    assert unlucky.verdict == PASS and "not confirmed" in unlucky.why


def test_a_small_slowdown_takes_the_long_way():
    small = [0.025, 0.04, 0.035, 0.045, 0.02, 0.04, 0.035]
    assert verdict(small) == OPEN
    assert verdict([*small, 0.04, 0.025, 0.035, 0.04, 0.02, 0.045, 0.04]) == REGRESSION


def test_processes_that_contradict_each_other_decide_nothing():
    split = [0.05, 0.06, 0.05] + [0.06, 0.0] * 5 + [0.06]
    assert verdict(split) == INCONCLUSIVE
    restless = [0.3, -0.4, 0.01, -0.2, 0.25, -0.3, 0.0]
    assert verdict(restless) == OPEN  # a few more may settle it
    wild = decide([*restless, 0.2, -0.2, 0.3, -0.3], CALM[:11], RULE)
    assert wild.verdict == INCONCLUSIVE and "could not be seen" in wild.why


def test_the_null_arm_vetoes_a_pass_and_a_regression_alike():
    stray = [0.05] * 11
    assert decide([0.0] * 11, stray, RULE).verdict == INCONCLUSIVE
    assert decide([0.06] * 11, stray, RULE).verdict == INCONCLUSIVE
    assert decide([0.0] * 3, stray[:3], RULE).verdict == OPEN  # more processes may still calm it
    assert decide([0.0] * 7, [0.05] * 3 + [0.0] * 4, RULE).verdict == PASS


def test_a_win_is_never_red():
    won = decide([-0.2, -0.21, -0.19], CALM[:3], RULE)
    assert won.verdict == PASS and won.faster
    assert not decide([-0.001, -0.002, 0.0], CALM[:3], RULE).faster


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(-0.5, 0.5), min_size=MOST, max_size=MOST))
def test_every_cell_is_decided_in_the_end_and_a_decision_never_changes(found):
    seen = [decide(found[:n], CALM[:n], RULE).verdict for n in range(1, MOST + 1)]
    assert seen[-1] != OPEN
    decided = [v for v in seen if v != OPEN]
    assert len(set(decided)) == 1
    assert seen == [OPEN] * (len(seen) - len(decided)) + decided


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-0.5, 0.0299), min_size=MOST, max_size=MOST))
def test_nothing_below_the_threshold_is_ever_red(found):
    assert verdict(found) != REGRESSION


def test_rates_on_processes_with_the_noise_of_a_crowded_machine():
    """Simulated, so it proves the rule and not the machine: that is what `twinstep gate --self-test` does."""
    draw = np.random.default_rng(0)

    def rate(slowdown, spread, wanted):
        hits = 0
        for _ in range(400):
            found = list(slowdown + spread * draw.standard_t(4, MOST))
            nulls = list(spread * draw.standard_t(4, MOST))
            n = next(n for n in range(1, MOST + 1) if decide(found[:n], nulls[:n], RULE).verdict != OPEN)
            hits += decide(found[:n], nulls[:n], RULE).verdict == wanted
        return hits / 400

    assert rate(0.0, 0.01, REGRESSION) == 0.0
    assert rate(0.05, 0.01, REGRESSION) >= 0.95
    assert rate(0.10, 0.01, REGRESSION) >= 0.99
    assert rate(0.0, 0.2, PASS) < 0.2  # control: what is nothing but noise does not pass


def test_a_rule_that_could_never_be_significant_is_refused():
    assert RULE.smallest_p <= ALPHA
    with pytest.raises(ValueError, match="smallest attainable p"):
        Rule(clear_suspect=1, clear_confirm=2)
    for threshold in (0.0, -0.1, 1.5, "0.03"):
        with pytest.raises(ValueError, match="threshold"):
            Rule(threshold=threshold)
    with pytest.raises(ValueError, match="one of each"):
        decide([0.1], [], RULE)


def test_a_machine_that_slows_down_steadily_cancels():
    drift = np.linspace(1.0, 2.0, 160).reshape(40, 4)
    forward = np.where(np.arange(40)[:, None] % 2 == 0, drift, drift[:, ::-1])
    slower, null = changes({"base": forward[:, 0], "head": forward[:, 1] * 1.05, "null": forward[:, 2]})
    assert slower == pytest.approx(0.05, abs=0.002) and null == pytest.approx(0.0, abs=0.002)


def test_the_processors_work_judges_where_neighbours_disturb_the_clock():
    work = {arm: [1.0] * 10 for arm in ("base", "head", "null")}
    calm = {**work, "head": [1.5] * 10}  # it waits: the clock sees it
    assert comparable_times({"seconds": calm, "cpu": work})["head"] == [1.5] * 10
    disturbed = {**calm, "base": [1.0] * 5 + [2.0] * 5}
    assert comparable_times({"seconds": disturbed, "cpu": work})["head"] == [1.0] * 10


def test_median_error_is_not_stretched_by_one_odd_process():
    assert median_error([0.0, 0.001, -0.001, 0.0, 0.5]) < 0.01 < median_error([0.0, 0.1, -0.1, 0.2, -0.2])
