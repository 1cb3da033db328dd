"""The benchmarks: `pytest --benchmark-only`.

The implementations of one cell (an optimizer's case at one model shape) are timed interleaved, once; each test then
plays its recorded durations back through pytest-benchmark, so that each implementation is a stored row of its own.
"""

from __future__ import annotations

import functools

import pytest

from twinstep.bench.compare.replay import replay
from twinstep.bench.compare.scenario import probe
from twinstep.bench.speed import cells, contest, timing
from twinstep.bench.speed.playback import Playback
from twinstep.bench.speed.shapes import SHAPES
from twinstep.scratch_impls import all_specs, load, names

PLAYBACK = Playback()
pytestmark = pytest.mark.benchmark(timer=PLAYBACK)

SEED, DTYPE = 0, "float32"

CELLS = cells.all_cells(all_specs())
FULL = pytest.mark.full("cells of the large shape")
LEFT_OUT = cells.left_out(CELLS)
STEPS = [
    pytest.param(name, implementation, id=f"{name}-{implementation}", marks=[FULL] if name in LEFT_OUT else [])
    for name, cell in CELLS.items()
    for implementation in contest.implementations(cell.spec)
]


@pytest.fixture(scope="session")
def hold():
    """hold(cell) -> Contest, timed when the first of its implementations is asked for."""

    @functools.cache
    def once(cell):
        asked = CELLS[cell]
        return contest.run_contest(asked.spec, asked.case, SHAPES[asked.shape], dtype=DTYPE, seed=SEED)

    return once


def play(benchmark, durations, **extra):
    PLAYBACK.load(durations)
    benchmark.extra_info.update(extra)
    benchmark.pedantic(lambda: None, rounds=len(durations))


@pytest.mark.parametrize(("cell", "implementation"), STEPS)
def test_step(cell, implementation, hold, benchmark, record):
    asked, held = CELLS[cell], hold(cell)
    figures = held.figures(implementation)
    record(
        "timings", optimizer=asked.spec.name, case=asked.case.name, problem=asked.shape, implementation=implementation,
        seed=SEED, dtype=DTYPE, device="cpu", **figures,
    )  # fmt: skip
    if implementation in held.wrong:
        pytest.fail(f"WRONG, so not timed: {cell} {implementation} {DTYPE} {held.wrong[implementation]}", pytrace=False)
    benchmark.group = cell
    play(benchmark, held.times.seconds[implementation], **figures)


@pytest.fixture(scope="session")
def replay_times():
    """replay_times(optimizer) -> (case, Times) of a replay and of the two bare step loops that it drives."""

    @functools.cache
    def once(optimizer):
        spec = load(optimizer)
        case = list(contest.representatives(spec))[-1]
        ours, theirs = contest.factory(spec, "scratch"), contest.twin(spec)[1]
        history = probe(SEED)
        arguments = (spec, case.hyper, ours, theirs, history)
        driven = history.as_driven(spec, DTYPE)  # what a replay drives: Muon takes matrices, L-BFGS fewer steps
        loops = functools.partial(contest.bare_loops, case, (ours, theirs), driven, DTYPE)
        steps = {"replay": functools.partial(replay, *arguments, dtype=DTYPE), "bare-loops": loops}
        return case, timing.interleave(steps, budget_s=2.0)

    return once


@pytest.mark.parametrize("what", ["replay", "bare-loops"])
@pytest.mark.parametrize("optimizer", names())
def test_replay_cost(optimizer, what, replay_times, benchmark, record):
    """Asked for: a replay costs at most three times the loops alone. Shown, not asserted: it is a time."""
    case, times = replay_times(optimizer)
    cost = timing.ratio(times.seconds["replay"], times.seconds["bare-loops"])
    if what == "replay":
        record(
            "timings", optimizer=optimizer, case=case.name, problem="probe", implementation="replay", seed=SEED,
            dtype=DTYPE, device="cpu", ratio=cost.value, ratio_low=cost.low, ratio_high=cost.high,
            replay_s=times.median_s("replay"), bare_loops_s=times.median_s("bare-loops"), rounds=times.rounds,
        )  # fmt: skip
    benchmark.group = f"{optimizer}-replay-cost"
    play(benchmark, times.seconds[what], ratio=cost.value, ratio_low=cost.low, ratio_high=cost.high)
