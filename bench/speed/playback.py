"""Timings that were taken interleaved, given to a benchmark runner that takes them one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Playback:
    """A timer that returns recorded durations: two calls, the start and the end of a round, lie one duration apart.

    It lets a benchmark runner that times its rounds one after the other store what was timed interleaved.
    """

    __name__ = "playback"  # pytest-benchmark notes the timer of each benchmark by its name

    def __init__(self) -> None:
        self._ahead: list[float] = []

    def load(self, durations: Sequence[float] | np.ndarray) -> None:
        """Durations in seconds, in the order in which they come out; what was left of the last ones is dropped."""
        self._ahead = [t for duration in durations for t in (0.0, float(duration))][::-1]

    def __call__(self) -> float:
        if not self._ahead:
            raise RuntimeError("playback: more rounds were asked for than were recorded")
        return self._ahead.pop()
