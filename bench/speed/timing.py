"""Interleaved timing: what is compared is timed in the same seconds, so that what disturbs one disturbs all.

A single time says something about the machine at that moment; the ratio of two that were taken side by side says
something about the code. A step of an optimizer is bytes moved, so beside the times stands the machine's own bandwidth,
measured in the same rounds, and with it the floor under any implementation.
"""

from __future__ import annotations

import contextlib
import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...scratch_impls import Spec
from .shapes import elements

Step = Callable[[], Any]
Clock = Callable[[], float]  # seconds

# Far above what a clock resolves (50 ns), near what a scheduler takes away at once: shorter blocks see more outliers.
BLOCK_S = 0.004
LONG_IN_BLOCKS = 4  # measured: without the untimed step a process times L-BFGS on the mlp in half of its 11 s
ROUNDS = 20
# Below this no interval of 95 % exists: the range of 5 values misses the median once in 16 times.
FEWEST_ROUNDS = 6


@dataclass(frozen=True, kw_only=True)
class Times:
    """What `interleave` measured.

    seconds     for each implementation an array of shape (rounds,), seconds per step by the clock
    inner       steps in each block
    cpu         as seconds, but only the time that the processor worked for this process: less where others had it
    """

    seconds: dict[str, np.ndarray]
    inner: dict[str, int]
    cpu: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        return len(next(iter(self.seconds.values())))

    def median_s(self, name: str) -> float:
        return float(np.median(self.seconds[name]))


def interleave(
    steps: Mapping[str, Step],
    *,
    rounds: int = ROUNDS,
    block_s: float = BLOCK_S,
    budget_s: float = math.inf,
    clock: Clock = time.perf_counter,
) -> Times:
    """Times every step function in every round, forwards in one and backwards in the next (ABBA).

    block_s     a block repeats a step until it takes about this long
    budget_s    fewer rounds (an even number, at least FEWEST_ROUNDS) where all of them would take longer
    """
    with undisturbed():
        for step in steps.values():  # the first step of an optimizer makes its state, and a second warms caches
            step()
            step()
        # Each its own number, so that the blocks of all take as long: a slow moment of the machine then hits each
        # alike.
        paces = {name: _steps_per_block(step, block_s, clock) for name, step in steps.items()}
        inner = {name: max(1, round(pace)) for name, pace in paces.items()}
        # Where all take several blocks' time, what the cache held before is a small part of it, for each alike.
        warms_up = max(paces.values()) > 1 / LONG_IN_BLOCKS
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        cpu: dict[str, list[float]] = {name: [] for name in steps}
        order, began, done = list(steps), clock(), 0
        while done < rounds:
            for name in order if done % 2 == 0 else order[::-1]:
                if warms_up:
                    steps[name]()  # untimed: its data come back into the cache, whoever was there before
                # Beside the clock: on a crowded machine the clock counts what neighbours took (`gate.statistics`).
                worked = time.process_time()
                seconds[name].append(_block(steps[name], inner[name], clock) / inner[name])
                cpu[name].append((time.process_time() - worked) / inner[name])
            done += 1
            spent = clock() - began
            # Whole pairs of rounds alone: one that ran only forwards would not cancel a steady slowdown.
            if done % 2 == 0 and done >= FEWEST_ROUNDS and spent * (done + 2) / done > budget_s:
                break
    arrays = ({name: np.array(values) for name, values in kind.items()} for kind in (seconds, cpu))
    return Times(seconds=next(arrays), cpu=next(arrays), inner=inner)


def _block(step: Step, inner: int, clock: Clock) -> float:
    began = clock()
    for _ in range(inner):
        step()
    return clock() - began


def _steps_per_block(step: Step, block_s: float, clock: Clock) -> float:
    """How many steps make a block; less than 1 where one step takes longer."""
    inner = 1
    while (spent := _block(step, inner, clock)) < block_s / 2 and inner < 1 << 20:
        # At most a hundred times more at once: a first block may be shorter than what the clock resolves.
        inner = max(2 * inner, min(int(inner * block_s / spent), 100 * inner) if spent > 0 else 2 * inner)
    # The better of two: one that a neighbour disturbed would make every block too short.
    spent = min(spent, _block(step, inner, clock))
    return inner * block_s / spent if spent > 0 else float(inner)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """One torch thread and no garbage collection; both are as they were afterwards."""
    import torch

    # A second thread runs on whatever core is free at the moment; a collection falls into whoever's block is running.
    threads, collecting = torch.get_num_threads(), gc.isenabled()
    # What is garbage already goes first: with the collector off it would stay until the end.
    gc.collect()
    gc.disable()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if collecting:
            gc.enable()


class Stream:
    """A step that does nothing but move memory: y += a x in place, two reads and a write for each element.

    Timed beside the others it gives the bandwidth: `stream.bytes / seconds`. It is as large as the step it stands
    beside, since a cache is faster than memory, and one call, so for tiny steps its time is that of one call.
    `step_bytes / bandwidth` is the floor under a step: about the least seconds that any implementation can take.
    """

    def __init__(self, moved_bytes: int) -> None:
        import torch

        # Three float32 an element. A step that moves more separate arrays than these two may come out below this floor
        # (measured: 107 % of it for one add_ of as many bytes).
        size = max(moved_bytes // 12, 1)
        self.bytes = 12 * size
        self._y, self._x = torch.zeros(size), torch.ones(size)

    def __call__(self) -> None:
        # So small that no number of steps overflows, and no subnormal number, with which processors slow down.
        self._y.add_(self._x, alpha=1e-9)


def bandwidth(moved_bytes: int, *, rounds: int = ROUNDS) -> float:
    """Bytes per second that this machine moves on one thread, median of rounds, for a step of that many bytes."""
    stream = Stream(moved_bytes)
    return stream.bytes / interleave({"stream": stream}, rounds=rounds).median_s("stream")


def step_bytes(spec: Spec, hyper: Mapping[str, Any], shapes: Sequence[Sequence[int]], dtype: str) -> int:
    """What one step must move at least: parameter, gradient and states read, parameter and states written."""
    import torch

    full, moved = spec.hyper(**hyper), 0
    for shape in shapes:
        # No memory is taken: a broadcast scalar has the shape, which is all that the sizes of the state depend on.
        state = spec.start(np.broadcast_to(np.float32(1), tuple(shape)), full)
        kept = [elements([shape]) if value is None else np.size(value) for value in state.values()]
        moved += 3 * elements([shape]) + 2 * sum(size for size in kept)
    return moved * int(getattr(torch, dtype).itemsize)


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The median of the ratios of single rounds, and the interval that holds the true median at this confidence.

    The interval speaks of this process: another process of the same code may stand a few percent off.
    """

    value: float
    low: float
    high: float
    confidence: float

    @property
    def verdict(self) -> str:
        return "SLOWER" if self.low > 1 else "FASTER" if self.high < 1 else "TIE"


def ratio(ours: np.ndarray, theirs: np.ndarray, *, confidence: float = 0.95) -> Ratio:
    """ours / theirs, round by round; arrays of shape (rounds,) from the same `interleave`.

    The interval is that of order statistics, which asks nothing of the distribution. It is (0, inf) when there are
    too few rounds for any: below FEWEST_ROUNDS at 95 %.
    """
    from scipy.stats import binom

    each = np.sort(np.asarray(ours) / np.asarray(theirs))
    # The median lies outside [k-th smallest, k-th largest] with probability 2 P(Binomial(n, 1/2) < k).
    k = int(binom.ppf((1 - confidence) / 2, each.size, 0.5))
    low, high = (float(each[k - 1]), float(each[-k])) if k > 0 else (0.0, math.inf)
    return Ratio(value=float(np.median(each)), low=low, high=high, confidence=confidence)
