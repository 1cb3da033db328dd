"""Whether what is to be timed does anything: a step that finds no gradients is fast, and proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

# A step may move nothing for a while: gradients are gathered, a rate is warmed up. None of twenty is none of all.
STEPS = 20


def does_nothing(step: Callable[[], Any]) -> str:
    """What is wrong with the function where it steps optimizers and no parameter moves, after its first call; else "".

    "" as well where it steps no optimizer of torch's kind: nothing is known of what it does then.
    """
    with _watched() as seen:
        for _ in range(STEPS):
            step()
            if not seen.stepped or seen.moved:
                return ""
    why = "every gradient is None by then" if not seen.gradients else "the gradients are there"
    return f"no parameter moved in {STEPS} calls after the first ({why}), so its time says nothing"


class _Seen:
    """What optimizers did: whether any stepped, had a gradient, moved a parameter."""

    def __init__(self) -> None:
        self.stepped = self.gradients = self.moved = False
        # The innermost last: a step that calls its parent class's passes the hooks twice.
        self._before: list[list[torch.Tensor]] = []

    def before(self, optimizer: Optimizer, *_: Any) -> None:
        self.stepped = True
        params = list(_parameters(optimizer))
        self.gradients = self.gradients or any(p.grad is not None for p in params)
        self._before.append([p.detach().clone() for p in params])

    def after(self, optimizer: Optimizer, *_: Any) -> None:
        pairs = zip(_parameters(optimizer), self._before.pop(), strict=True)
        self.moved = self.moved or not all(torch.equal(now, before) for now, before in pairs)


def _parameters(optimizer: Optimizer) -> Iterator[torch.Tensor]:
    return (p for group in optimizer.param_groups for p in group["params"])


@contextmanager
def _watched() -> Iterator[_Seen]:
    seen = _Seen()
    # Hooks of all optimizers: a benchmark of somebody's own does not say which it steps.
    hooks = [register_optimizer_step_pre_hook(seen.before), register_optimizer_step_post_hook(seen.after)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
