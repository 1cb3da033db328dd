"""Running an optimizer: fresh parameters, the gradients of each step, and a snapshot after each.

One that draws random numbers takes each step from the random state of that step's gradients, so that two runs that are
given the same are compared number for number, whatever was drawn before.

Two ways to give gradients. `run` takes a history that the check may edit first (leave out a step, a parameter, a sign)
and keeps a snapshot of every step. `take_steps` draws the gradients by the number of the step, so that a run which was
saved, copied or moved to another device goes on with those that the unbroken one gets.
"""

from __future__ import annotations

import contextlib
import functools
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from ....scratch_impls import Case
from ..context import Context, gradients, parameters, walk
from ..design.seen import Seen
from ..global_state import seed_torch

Params = list[torch.nn.Parameter]
Gradients = Sequence[torch.Tensor | None]  # of one step, one for each parameter
Snapshot = list[torch.Tensor]


def gradient_history(seed: int, steps: int, params: Sequence[torch.Tensor]) -> list[list[torch.Tensor | None]]:
    """N(0, 1) gradients for every parameter and step."""
    generator = torch.Generator().manual_seed(7919 * seed + 17)
    return [
        # Drawn in float64 on the CPU and then cast, so that every dtype and device gets the same numbers.
        [torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.device, p.dtype) for p in params]
        for _ in range(steps)
    ]


def gradients_of(history: Iterable[Gradients], *index: int) -> list[list[torch.Tensor | None]]:
    """The history of some of the parameters."""
    return [[row[i] for i in index] for row in history]


def clones(params: Iterable[torch.Tensor]) -> Params:
    """The same values in fresh parameters."""
    return [torch.nn.Parameter(p.detach().clone(), requires_grad=p.requires_grad) for p in params]


def snapshot(params: Iterable[torch.Tensor]) -> Snapshot:
    return [p.detach().clone() for p in params]


def run(
    optimizer: Optimizer,
    params: Sequence[torch.Tensor],
    history: Iterable[Gradients],
    before: Callable[[int], Any] = lambda step: None,
) -> list[Snapshot]:
    """The parameters after each step; every step gets gradient tensors of its own.

    before      called with the number of the step, from 0, once the gradients are there
    """
    found = []
    for step, row in enumerate(history):
        for p, g in zip(params, row, strict=True):
            # A copy: one that writes into p.grad (a fault of inputs-untouched) must not spoil the other side's run.
            p.grad = None if g is None else g.clone()
        before(step)
        optimizer.step()
        found.append(snapshot(params))
    return found


def take_steps(optimizer: Optimizer, params: Params, steps: range, seed: int) -> None:
    """`walk` with the global generator seeded, so that a rule that draws random numbers can be judged too."""
    with torch.random.fork_rng(devices=[]):
        seed_torch(seed + steps.start)
        walk(optimizer, params, steps, seed)


@contextlib.contextmanager
def alike(context: Context) -> Iterator[None]:
    """Inside, every step of one that draws random numbers begins in the random state that its gradients stand for."""
    if not context.seen.draws:
        yield
        return
    hook = register_optimizer_step_pre_hook(functools.partial(_seed_step, context.seen))
    try:
        yield
    finally:
        hook.remove()


_ALIKE: ContextVar[bool] = ContextVar("alike", default=True)


@contextlib.contextmanager
def drawn_freely() -> Iterator[None]:
    """Inside, steps draw what comes next, whatever `alike` is for."""
    token = _ALIKE.set(False)
    try:
        yield
    finally:
        _ALIKE.reset(token)


def _seed_step(seen: Seen, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A closure makes the gradients: then after it."""
    if not _ALIKE.get():
        return None
    closure = args[1] if len(args) > 1 else kwargs.get("closure")
    if closure is None:
        _seed_by_gradients(seen, optimizer)
        return None

    def seeding() -> Any:
        loss = closure()
        _seed_by_gradients(seen, optimizer)
        return loss

    return ((args[0], seeding, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "closure": seeding})


def _seed_by_gradients(seen: Seen, optimizer: Any) -> None:
    """By the largest of all: it is the same in whatever order, layout and sign they come."""
    groups = [group["params"] if isinstance(group, Mapping) else group for group in optimizer.param_groups]
    found = [p.grad for group in groups for p in group if p.grad is not None and p.grad.numel()]
    largest = max((float(abs(g.detach().to_dense()).max()) for g in found), default=0.0)
    seen.seed(zlib.crc32(struct.pack("f", largest)))


LONGEST_REST = 128  # steps in which nothing moves: a warm-up of a hundred, and some


def rest_of(context: Context, case: Case, dtype: str) -> int:
    """How many first steps move some parameter not at all; 0 where one never moves, for step-moves to tell."""
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer, still = context.build(params, **case.hyper), snapshot(params)
    for step in range(LONGEST_REST):
        gradients(context.seed, step, params)
        optimizer.step()
        if not any(torch.equal(was, now) for was, now in zip(still, params, strict=True)):
            return step
    return 0


def subject_after(context: Context, case: Case, dtype: str, steps: int) -> tuple[Optimizer, Params]:
    """The subject and its parameters after that many steps."""
    params = parameters(context.seed, dtype=dtype, device=context.device)
    optimizer = context.build(params, **case.hyper)
    take_steps(optimizer, params, range(steps), context.seed)
    return optimizer, params
