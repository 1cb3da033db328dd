"""What the times of one process say: which clock to trust, how much slower the head was, and how sure a median is."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

# Where a block's time is this much above the processor's work in it, somebody else had the processor in between; where
# one base block in ten is, the clock says more about neighbours than about the code (measured on identical code
# beside other work, loads of 3 to 6 on two cores: processes strayed by up to 50 % by the clock, by 20 % with this limit
# at one half, and by 5 % with it at nine in ten).
DISTURBED = 1.02
CALM = 0.9


def comparable_times(measured: Mapping[str, Any]) -> dict[str, list[float]]:
    """The times of one process to judge by: by the clock, or, where neighbours took the processor away, by its work.

    measured    "seconds" and "cpu", each arm -> seconds per step of every block

    Work is steady on a crowded machine and blind to waiting; so the clock judges wherever it can.
    """
    clock, work = measured["seconds"], measured["cpu"]
    if time.get_clock_info("process_time").resolution > 1e-5:  # too coarse for blocks of milliseconds (Windows)
        return dict(clock)
    calm = all(np.mean(np.divide(clock[arm], work[arm]) < DISTURBED) >= CALM for arm in ("base", "null"))
    return dict(clock if calm else work)


def changes(seconds: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """(head over base, base over base), minus 1, of one process.

    The base runs twice: both copies together are a steadier base than either, and their difference is the null arm.
    """
    head, base, null = (seconds[arm] for arm in ("head", "base", "null"))
    return relative_change(head, base, null), relative_change(null, base)


def relative_change(ours: Sequence[float], *theirs: Sequence[float]) -> float:
    """ours / (geometric mean of theirs) - 1 of one process: the median of the rounds' log ratios.

    Each pair of rounds runs forwards and backwards, so a machine that slows down steadily cancels.
    """
    logs = np.log(ours) - np.mean(np.log(theirs), axis=0)
    pairs = logs[: len(logs) // 2 * 2].reshape(-1, 2).mean(axis=1)
    return float(np.expm1(np.median(pairs)))


def median_error(changes: Sequence[float]) -> float:
    """How far the median of these may be off, one-sided, 95 %; by a scale that a single odd one does not stretch."""
    # 1.4826: the median absolute deviation of a normal distribution as its standard deviation; 1.25: that of a median
    # over that of a mean; 1.645: one side, 95 %.
    scale = 1.4826 * median(abs(x - median(changes)) for x in changes)
    return 1.645 * 1.25 * scale / math.sqrt(len(changes))
