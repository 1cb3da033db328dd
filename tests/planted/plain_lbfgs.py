"""L-BFGS as a stranger would write it, with a line search of its own. It is right; bugs are its subclasses."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch.optim import Optimizer


class Point(NamedTuple):
    """A place on the ray."""

    t: Any
    loss: float
    grad: torch.Tensor
    slope: Any


class PlainLBFGS(Optimizer):
    """All parameters as one vector. What it remembers stands in the state of the first of them."""

    twin = "LBFGS"
    shared = {}  # noqa: RUF012
    margin = 0.1

    def __init__(
        self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9, history_size=100,
        line_search_fn=None,
    ):  # fmt: skip
        super().__init__(
            params,
            dict(
                lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
                tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
                line_search_fn=line_search_fn,
            ),
        )  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("one group of parameters")

    @property
    def params(self):
        return self.param_groups[0]["params"]

    @torch.no_grad()
    def step(self, closure):
        group, memory, closure = self.param_groups[0], self.state[self.params[0]], torch.enable_grad()(closure)
        first = closure()
        loss, grad, calls = float(first), self.gradient(), 1
        for left in reversed(range(group["max_iter"])):
            if grad.abs().max() <= group["tolerance_grad"]:
                break
            self.learn(memory, grad, group)
            memory["direction"] = direction = self.direction(memory, grad)
            memory["grad"], memory["length"] = grad, self.first_length(memory, grad, group)
            before, slope = loss, grad.dot(direction)
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"]:
                found, used = self.search(
                    self.ray(closure, direction), Point(0.0, loss, grad, slope), memory["length"],
                    direction.abs().max(), group["max_eval"] - calls,
                )  # fmt: skip
                memory["length"], loss, grad = found.t, found.loss, found.grad
                calls += used
            self.move(memory["length"] * direction)
            if left and not group["line_search_fn"]:
                loss, grad, calls = float(closure()), self.gradient(), calls + 1
            if calls >= group["max_eval"] or self.still(memory["length"] * direction, loss - before, group):
                break
        return first

    def gradient(self):
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.params]
        parts = [part.to_dense() if part.is_sparse else part for part in parts]
        return torch.cat([part.reshape(-1) for part in parts])

    def move(self, by):
        for p, part in zip(self.params, by.split([p.numel() for p in self.params]), strict=True):
            p.add_(part.view_as(p))

    def still(self, moved, change, group):
        return moved.abs().max() <= group["tolerance_change"] or abs(change) < group["tolerance_change"]

    def first_length(self, memory, grad, group):
        lr = float(group["lr"])
        return lr * min(1.0, 1.0 / float(grad.abs().sum())) if memory["iterations"] == 1 else lr

    def learn(self, memory, grad, group):
        memory["iterations"] = memory.get("iterations", 0) + 1
        if memory["iterations"] == 1:
            memory["moves"], memory["changes"] = [], []
            return
        s, y = memory["length"] * memory["direction"], grad - memory["grad"]
        if self.curves_upward(s.dot(y)):
            moves, changes = [*memory["moves"], s], [*memory["changes"], y]
            memory["moves"], memory["changes"] = self.kept(moves, group), self.kept(changes, group)

    def curves_upward(self, curvature):
        return curvature > 1e-10

    def kept(self, vectors, group):
        return vectors[-group["history_size"] :]

    def direction(self, memory, grad):
        pairs = list(zip(memory["moves"], memory["changes"], strict=True))
        d, alphas = -grad, []
        for s, y in reversed(pairs):
            alphas.append(s.dot(d) / y.dot(s))
            d = d - alphas[-1] * y
        d = d * self.scale(pairs)
        for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
            d = d + self.correction(s, y, d, alpha) * s
        return d

    def scale(self, pairs):
        if not pairs:
            return 1.0
        s, y = pairs[-1]
        return s.dot(y) / y.dot(y)

    def correction(self, s, y, d, alpha):
        return alpha - y.dot(d) / y.dot(s)

    def ray(self, closure, direction):
        start = [p.clone() for p in self.params]

        def at(t):
            self.move(t * direction)
            loss, grad = float(closure()), self.gradient()
            for p, old in zip(self.params, start, strict=True):
                p.copy_(old)
            return Point(t, loss, grad, grad.dot(direction))

        return at

    def too_high(self, point, start):
        return point.loss > start.loss + 1e-4 * point.t * start.slope

    def flat(self, point, start):
        return abs(point.slope) <= -0.9 * start.slope

    def past_the_minimum(self, point):
        return point.slope >= 0

    def search(self, at, start, t, reach, trials):
        """The point that is found, and the number of evaluations."""
        last, new, used = start, at(t), 0
        while used < trials:
            if self.too_high(new, start) or (used > 1 and new.loss >= last.loss):
                return self.zoom(at, start, last, new, reach, trials, used)
            if self.flat(new, start):
                return new, used + 1
            if self.past_the_minimum(new):
                return self.zoom(at, start, last, new, reach, trials, used)
            t = cubic(last, new, new.t + 0.01 * (new.t - last.t), 10 * new.t)
            last, new, used = new, at(t), used + 1
        return (start if start.loss <= new.loss else new), used + 1

    def zoom(self, at, start, low, high, reach, trials, used):
        timid = False
        low, high = lower_first(low, high)
        while used < trials and not abs(high.t - low.t) * reach < 1e-9:
            t, timid = self.inside(low, high, timid)
            new, used = at(t), used + 1
            if self.too_high(new, start) or new.loss >= low.loss:
                low, high = lower_first(low, new)
            elif self.flat(new, start):
                return new, used + 1
            else:
                low, high = new, low if new.slope * (high.t - low.t) >= 0 else high
        return low, used + 1

    def inside(self, low, high, timid):
        """A trial between the two, and whether it came near an end and was left there for once."""
        left, right = sorted((low, high), key=lambda point: point.t)
        t, least = cubic(left, right, left.t, right.t), self.margin * (right.t - left.t)
        if not min(right.t - t, t - left.t) < least:
            return t, False
        if timid or t >= right.t or t <= left.t:
            return (right.t - least if right.t - t < t - left.t else left.t + least), False
        return t, True


def lower_first(a, b):
    return (a, b) if a.loss <= b.loss else (b, a)


def cubic(a, b, low, high):
    """Where the cubic through two values and slopes has its minimum, within bounds; their middle if it has none."""
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = square**0.5
    t = b.t - (b.t - a.t) * ((b.slope + root - d1) / (b.slope - a.slope + 2 * root))
    return min(max(t, low), high)
