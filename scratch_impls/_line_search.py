"""A step length that satisfies the strong Wolfe conditions, for every number system alike.

    f(t) <= f(0) + c1 t f'(0)        sufficient decrease
    |f'(t)| <= -c2 f'(0)             curvature

Source      Nocedal & Wright 2006, Numerical Optimization: algorithms 3.5 (bracketing) and 3.6 (zoom), eq. 3.59 (cubic).
Convention  of Schmidt's minFunc, as torch: a trial that is higher than the one before ends the bracketing from the
            third on (the book: from the second); the next trial of the bracketing lies between 1.01 and 10 times as
            far; a trial in the outer tenth of the bracket is moved to the tenth if the last one was there too.
"""

from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place on the ray: its t, the value f, the gradient g there, and the slope g'd."""

    t: Any
    f: Any
    g: Any
    slope: Any


def strong_wolfe(at, start, t, *, reach, max_ls, c1=1e-4, c2=0.9, shortest=1e-9):
    """The point that is found, and how often `at` was called.

    at      t -> Point
    start   the point at t = 0, whose slope is negative
    t       the first trial
    reach   the largest element of the direction: a bracket shorter than shortest / reach is not refined
    max_ls  trials after the first; the lowest point so far is the answer when they are used up
    """

    def too_high(p):
        return p.f > start.f + c1 * p.t * start.slope

    def flat(p):
        return abs(p.slope) <= -c2 * start.slope

    ends, trials = _bracket(at, start, t, max_ls, too_high, flat)
    if len(ends) == 1:
        return ends[0], trials + 1
    return _zoom(at, ends, trials, reach, max_ls, shortest, too_high, flat)


def _bracket(at, start, t, max_ls, too_high, flat):
    """Algorithm 3.5: the ends of a bracket that holds such a point, or it alone; and the trials after the first."""
    old, new, trials = start, at(t), 0
    while True:
        if trials >= max_ls:
            return [start if start.f <= new.f else new], trials
        if too_high(new) or (trials > 1 and new.f >= old.f):
            return [old, new], trials
        if flat(new):
            return [new], trials
        if new.slope >= 0:
            return [old, new], trials
        old, new = new, at(_cubic(old, new, new.t + 0.01 * (new.t - old.t), 10 * new.t))
        trials += 1


def _zoom(at, ends, trials, reach, max_ls, shortest, too_high, flat):
    """Algorithm 3.6: the bracket shrinks around its lower end until that satisfies both conditions."""
    timid, low = False, _lower(ends)
    while trials < max_ls and not abs(ends[1].t - ends[0].t) * reach < shortest:
        t, timid = _inside(ends, timid)
        new = at(t)
        trials += 1
        high = 1 - low
        if too_high(new) or new.f >= ends[low].f:
            ends[high] = new
            low = _lower(ends)
            continue
        if flat(new):
            return new, trials + 1
        if new.slope * (ends[high].t - ends[low].t) >= 0:
            ends[high] = ends[low]
        ends[low] = new
    return ends[low], trials + 1


def _lower(ends):
    return 0 if ends[0].f <= ends[1].f else 1


def _inside(ends, timid):
    """The next trial in the bracket, and whether it came close to an end."""
    left, right = min(ends[0].t, ends[1].t), max(ends[0].t, ends[1].t)
    t, tenth = _cubic(ends[0], ends[1], left, right), 0.1 * (right - left)
    if not min(right - t, t - left) < tenth:
        return t, False
    if timid or t >= right or t <= left:
        return (right - tenth if abs(t - right) < abs(t - left) else left + tenth), False
    return t, True


def _cubic(a, b, low, high):
    """Where the cubic through two values and slopes is least, or the middle where it has no minimum."""
    length = a.t - b.t
    if length == 0:
        return (low + high) / 2
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / length
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = square**0.5
    if a.t > b.t:
        a, b = b, a
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, low), high)
