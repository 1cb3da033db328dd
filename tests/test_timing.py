"""The logic of timing, with a clock that is made of paper: nothing here depends on how fast anything is."""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest
import torch

from twinstep.bench.speed import shapes, timing
from twinstep.bench.speed.playback import Playback
from twinstep.scratch_impls import load


class Bench:
    """A clock that only moves when a step is taken, and the steps that move it."""

    def __init__(self, **costs):
        self.now, self.log = 0.0, []
        self.steps = {name: self._step(name, cost) for name, cost in costs.items()}

    def _step(self, name, cost):
        def step():
            self.now += cost
            self.log.append(name)

        return step

    def __call__(self):
        return self.now


def test_each_implementation_gets_its_own_seconds():
    bench = Bench(a=0.5, b=2.0)
    times = timing.interleave(bench.steps, rounds=8, clock=bench)
    assert times.rounds == 8
    assert {name: list(values) for name, values in times.seconds.items()} == {"a": [0.5] * 8, "b": [2.0] * 8}


def test_rounds_alternate_forwards_and_backwards():
    bench = Bench(a=1.0, b=1.0, c=1.0)
    timing.interleave(bench.steps, rounds=6, block_s=1.0, clock=bench)
    assert bench.log[-36:] == [*"aabbcc", *"ccbbaa"] * 3  # each block after one step that is not timed
    assert bench.log[-36:] != [*"aabbcc"] * 6  # control: what the plain order would be


def test_steps_that_all_take_several_blocks_need_no_untimed_one():
    bench = Bench(a=1.0, b=1.0)
    timing.interleave(bench.steps, rounds=6, block_s=0.25, clock=bench)
    assert bench.log[-12:] == [*"ab", *"ba"] * 3
    bench = Bench(a=1.0, b=0.9)  # control: one of them does not
    timing.interleave(bench.steps, rounds=6, block_s=0.25, clock=bench)
    assert bench.log[-24:] == [*"aabb", *"bbaa"] * 3


def test_short_steps_are_repeated_until_the_clock_can_see_them():
    bench = Bench(short=1e-6, long=1.0)
    times = timing.interleave(bench.steps, rounds=6, block_s=0.004, clock=bench)
    assert times.inner == {"short": pytest.approx(4000, rel=0.01), "long": 1}
    assert times.seconds["short"] == pytest.approx([1e-6] * 6)


def test_a_clock_that_stands_still_ends():
    timing.interleave({"a": lambda: None}, rounds=2, clock=lambda: 0.0)


def test_a_budget_cuts_rounds_in_pairs_and_not_below_the_fewest():
    def rounds(budget_s):
        bench = Bench(a=1.0, b=1.0)
        return timing.interleave(bench.steps, rounds=20, block_s=1.0, budget_s=budget_s, clock=bench).rounds

    assert (rounds(math.inf), rounds(25.0), rounds(0.0)) == (20, 6, timing.FEWEST_ROUNDS)


def test_timing_runs_on_one_thread_without_collection_and_restores_both():
    threads, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        bench = Bench(a=1.0)
        timing.interleave({"a": lambda: (bench.steps["a"](), seen.append((torch.get_num_threads(), gc.isenabled())))},
                          rounds=2, clock=bench)  # fmt: skip
        assert set(seen) == {(1, False)}
        assert (torch.get_num_threads(), gc.isenabled()) == (2, True)
        with pytest.raises(ZeroDivisionError), timing.undisturbed():
            _ = 1 / 0
        assert (torch.get_num_threads(), gc.isenabled()) == (2, True)
    finally:
        torch.set_num_threads(threads)


def test_ratio_is_taken_round_by_round():
    """A machine that slows down in the middle of a run does not move the ratio; the ratio of medians does."""
    slow = np.array([1.0] * 5 + [3.0] * 6)
    ours = 2 * slow + np.tile([0.0, 0.0, 1e-9], 4)[:11]
    found = timing.ratio(ours, slow)
    assert found.value == pytest.approx(2.0, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((2.0, 2.0), rel=1e-6)
    shuffled = timing.ratio(ours, np.roll(slow, 4))  # control: rounds that do not belong together
    assert shuffled.high - shuffled.low > 1


def test_the_interval_holds_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for rounds in (6, 11, 20):
        found = [timing.ratio(np.exp(rng.standard_normal(rounds)), np.ones(rounds)) for _ in range(600)]
        inside = np.mean([r.low <= 1 <= r.high for r in found])
        # 0.95 promised; 600 tries scatter by 0.009. Order statistics may promise less than they keep.
        assert inside > 0.92, (rounds, inside)
        draws = [np.exp(rng.standard_normal(rounds)) for _ in range(600)]
        narrow = [timing.ratio(draw, np.ones(rounds), confidence=0.5) for draw in draws]
        assert np.mean([r.low <= 1 <= r.high for r in narrow]) < 0.92  # control: a lower promise, a shorter interval


def test_too_few_rounds_say_nothing():
    few = timing.ratio(np.full(timing.FEWEST_ROUNDS - 1, 2.0), np.ones(timing.FEWEST_ROUNDS - 1))
    assert (few.low, few.high, few.verdict) == (0.0, math.inf, "TIE")
    enough = timing.ratio(np.full(timing.FEWEST_ROUNDS, 2.0), np.ones(timing.FEWEST_ROUNDS))
    assert (enough.low, enough.high, enough.verdict) == (2.0, 2.0, "SLOWER")
    assert timing.ratio(np.full(6, 0.5), np.ones(6)).verdict == "FASTER"


@pytest.mark.parametrize(
    ("optimizer", "hyper", "transfers"),
    [("gd", {}, 3), ("momentum", {}, 3), ("momentum", {"momentum": 0.9}, 5), ("rmsprop", {}, 5),
     ("rmsprop", {"momentum": 0.9, "centered": True}, 9)],
)  # fmt: skip
def test_a_step_moves_parameter_gradient_and_states(optimizer, hyper, transfers):
    spec = load(optimizer)
    assert timing.step_bytes(spec, hyper, [(10, 3), (2,)], "float32") == 32 * 4 * transfers
    assert timing.step_bytes(spec, hyper, [(10, 3), (2,)], "float64") == 32 * 8 * transfers


def test_the_stream_moves_about_as_much_as_it_is_asked_to():
    assert [timing.Stream(n).bytes for n in (1, 1200, 1210)] == [12, 1200, 1200]
    stream = timing.Stream(48)
    stream()
    assert stream._y.tolist() == pytest.approx([1e-9] * 4)


def test_playback_returns_what_it_was_given():
    playback = Playback()
    playback.load([0.3, 1e-9, 2.0])
    assert [-(playback() - playback()) for _ in range(3)] == [0.3, 1e-9, 2.0]
    with pytest.raises(RuntimeError, match="more rounds"):
        playback()
    playback.load([1.0])
    playback.load([2.0])  # what was left over does not leak into the next
    assert -(playback() - playback()) == 2.0


def test_the_shapes_are_what_they_say():
    found = {name: (len(s), shapes.elements(s)) for name, s in shapes.SHAPES.items()}
    assert found["tiny"] == (1, 4)
    assert found["convnet"] == (59, 269_722)  # He et al. 2015, table 6: 0.27 M
    assert found["large"] == (1, 10_000_000)
