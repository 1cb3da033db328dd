"""The decision on one cell, from one number a process: how much slower the head was there than the base.

Blocks inside a process are not independent (they share its memory layout and its hash seed), so the process is the
unit. A slowdown must be large (the median of the processes above the threshold), consistent (four in five agree) and
confirmed by new processes, which the suspicion did not choose. A null arm, the base against a second copy of itself,
runs in every process: where it strays as far as what is judged, the machine decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from .statistics import median_error

OPEN, PASS, REGRESSION, INCONCLUSIVE = "open", "PASS", "REGRESSION", "INCONCLUSIVE"

# The chance to call a cell slower whose processes are as often faster as slower may not exceed this.
ALPHA = 0.01


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a cell is decided.

    threshold       relative slowdown above which a cell may be red: 0.03 is 3 %
    screen          processes before a cell passes or is suspect, unless it is clear sooner
    confirm         new processes for a suspect, unless they are clear sooner
    extended        processes at most, in either stage, where those of `screen` or `confirm` differ too much
    clear_pass      so many processes, all below half the threshold, and it passes at once
    clear_suspect   so many, all above the threshold, and it is suspect at once
    clear_confirm   so many new ones, all above the threshold or all below its half, and it is decided at once
    agreeing        the share of new processes that must be slower by half the threshold
    """

    # Measured on 300 processes of identical code (Python, NumPy, torch; a shared machine of two cores), resampled: the
    # median of 7 is above 3 % in 0.46 % of all draws at most, and of code that is 5 % slower in 97.2 % at least. A mean
    # 10 % above a stored baseline, as gates usually ask, was wrong in 36 to 40 %. `confirm` draws once more.
    threshold: float = 0.03
    screen: int = 7
    confirm: int = 7
    extended: int = 11
    clear_pass: int = 3
    clear_suspect: int = 3
    clear_confirm: int = 4
    agreeing: float = 0.8

    def __post_init__(self) -> None:
        if not (isinstance(self.threshold, (int, float)) and 0 < self.threshold < 1):
            raise ValueError(f"threshold={self.threshold!r}: a relative slowdown between 0 and 1, such as 0.03")
        if self.smallest_p > ALPHA:
            raise ValueError(
                f"the smallest attainable p is {self.smallest_p:.3g}, above {ALPHA}: ask for more processes"
            )

    @property
    def smallest_p(self) -> float:
        """Of a sign test over the fewest processes that can make a cell red: a rule that can never fail is no rule."""
        # asv's rule of two interleaved rounds called 11 to 16 % of identical code slower; a sign test on three blocks
        # can never fail.
        # By default 3 + 4 processes, all on one side: 1 in 128.
        return 0.5 ** (self.clear_suspect + self.clear_confirm)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A verdict, or that more processes are needed.

    change      median slowdown of the processes that the verdict rests on; low, high: their range
    agreeing    how many of those were slower than half the threshold; processes: how many there were in all
    null        median of the null arm over all processes
    """

    verdict: str
    why: str
    change: float
    low: float
    high: float
    agreeing: int
    of: int
    processes: int
    null: float
    faster: bool = False


def decide(changes: Sequence[float], nulls: Sequence[float], rule: Rule) -> Decision:
    """The state of a cell after these processes, in the order in which they ran.

    changes     of each process, head over base minus 1; nulls: base over base minus 1, of the same processes
    """
    if len(changes) != len(nulls):
        raise ValueError(f"{len(changes)} changes and {len(nulls)} nulls: one of each for every process")
    verdict, why, used = _staged(changes, rule)
    null = median(nulls) if nulls else math.nan
    # The machine itself moved by as much as is looked for: no verdict of such a run means anything, in either
    # direction.
    if verdict != OPEN and abs(null) > rule.threshold:
        # One odd process is no reason to give up: the median of more of them may hold.
        verdict = OPEN if len(changes) < rule.extended else INCONCLUSIVE
        why = f"base against base differs by {null:+.1%}, as much as the gate looks for"
    # Beyond half the threshold, not beyond 0: on identical code half of all processes are above 0.
    half = sum(x > rule.threshold / 2 for x in used)
    faster = verdict == PASS and median(used) < -rule.threshold and max(used) < -rule.threshold / 2
    return Decision(
        verdict=verdict, why=why, change=median(used) if used else math.nan, low=min(used, default=math.nan),
        high=max(used, default=math.nan), agreeing=half, of=len(used), processes=len(changes), null=null, faster=faster,
    )  # fmt: skip


def _staged(changes: Sequence[float], rule: Rule) -> tuple[str, str, Sequence[float]]:
    """(verdict, why, the processes that it rests on)."""
    for n in range(1, len(changes) + 1):
        seen = changes[:n]
        together = max(seen) - min(seen) < 2 * rule.threshold  # or else nothing is clear yet
        if n >= rule.clear_pass and max(seen) < rule.threshold / 2 and together:
            return PASS, f"all of {n} processes below {rule.threshold / 2:.1%}", seen
        # Confirmed by processes that the suspicion did not choose: those that raised it are the slow ones by selection.
        if n >= rule.clear_suspect and min(seen) > rule.threshold:
            return _confirmed(changes[n:], rule)
        if n in (rule.screen, rule.extended):
            # Two thirds: a slowdown a little above the threshold must not be lost before it could be confirmed.
            if median(seen) > rule.threshold * 2 / 3:
                return _confirmed(changes[n:], rule)
            if median_error(seen) <= rule.threshold:
                return PASS, f"the median of {n} processes is below the threshold", seen
            if n == rule.extended:
                return INCONCLUSIVE, f"{n} processes differ so much that {rule.threshold:.0%} could not be seen", seen
    return OPEN, "", changes


def _confirmed(fresh: Sequence[float], rule: Rule) -> tuple[str, str, Sequence[float]]:
    for n in range(rule.clear_confirm, len(fresh) + 1):
        seen = fresh[:n]
        if min(seen) > rule.threshold:
            return REGRESSION, f"confirmed by all of {n} new processes", seen
        if max(seen) < rule.threshold / 2:
            return PASS, f"suspected, and not confirmed by {n} new processes", seen
        if n in (rule.confirm, rule.extended):
            agreeing = sum(x > rule.threshold / 2 for x in seen)
            if median(seen) <= rule.threshold:
                return PASS, f"suspected, and not confirmed by {n} new processes", seen
            if agreeing >= rule.agreeing * n:
                return REGRESSION, f"confirmed by {agreeing} of {n} new processes", seen
        if n == rule.extended:
            return INCONCLUSIVE, f"only {agreeing} of {n} new processes agree", seen
    return OPEN, "suspect", fresh
