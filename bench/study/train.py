"""Train: each implementation computes its own gradients on a real problem. Compared by losses.

All implementations take one step each before any takes the next, in alternating order, so that whatever slows the
machine down slows all of them alike and their times can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from ...reference.local_model import asks_for_closure
from ...scratch_impls import Spec, as_shape
from ..compare.replay import Factory
from .problems import Problem

CHECKPOINTS = 50  # enough for a smooth curve; the evaluations stay a small part of the run


@dataclass(frozen=True, kw_only=True)
class Training:
    """One implementation's run on one problem.

    losses          the loss over all data, at the steps in `steps` (0 is the start); both of shape (checkpoints,)
    final_loss      the last of them
    trace           the parameters of a 2-D problem, shape (steps + 1, 2), else None
    step_time_s     median seconds of `optimizer.step()` alone; with its evaluations where it asks for a closure
    """

    name: str
    losses: np.ndarray
    steps: np.ndarray
    final_loss: float
    trace: np.ndarray | None
    step_time_s: float


def trainable(spec: Spec | None, make: Factory) -> Factory:
    """The optimizer of a formula for parameters of any shape; None for a formula: as it is.

    One that takes matrices alone gets each parameter as a matrix, and its twin the same.
    """
    if spec is None or spec.dims is None:
        return make
    dims = spec.dims
    return lambda params, **hyper: _OnCopies(list(params), dims, make, hyper)


class _OnCopies(Optimizer):
    """Steps copies of the parameters that have the dimensions which a formula takes, and copies them back."""

    def __init__(self, params: list[torch.nn.Parameter], dims: int, make: Factory, hyper: Mapping[str, Any]) -> None:
        super().__init__(params, {})
        self.pairs = [(p, torch.nn.Parameter(p.detach().reshape(as_shape(p.shape, dims)).clone())) for p in params]
        self.inner = make([view for _, view in self.pairs], **hyper)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for p, view in self.pairs:
            # Copied, not viewed: an optimizer takes leaf tensors alone, and a view of a parameter is none.
            view.copy_(p.reshape(view.shape))
            view.grad = None if p.grad is None else p.grad.reshape(view.shape)
        self.inner.step()
        for p, view in self.pairs:
            p.copy_(view.reshape(p.shape))
        return loss


class _Runner:
    """One implementation with an Objective of its own."""

    def __init__(self, problem: Problem, make: Factory, hyper: Mapping[str, Any], setup: tuple[Any, ...]) -> None:
        self.objective = problem.setup(*setup)
        self.optimizer = make(self.objective.params, **hyper)
        self.asks_closure = asks_for_closure(self.optimizer)
        self.device = setup[2]
        self.times: list[float] = []
        self.losses = [self.objective.full_loss()]
        self.points = [self._point()] if problem.plane else []

    def step(self, number: int, *, checkpoint: bool) -> None:
        def closure() -> torch.Tensor:
            self.optimizer.zero_grad()
            loss = self.objective.loss(number)
            loss.backward()
            return loss

        if not self.asks_closure:
            closure()
        # Before the clock starts as well: what backward() left to do would be counted as the step's.
        self._wait()
        start = perf_counter()
        if self.asks_closure:
            self.optimizer.step(closure)  # type: ignore[arg-type]
        else:
            self.optimizer.step()
        self._wait()
        self.times.append(perf_counter() - start)
        if self.points:
            self.points.append(self._point())
        if checkpoint:
            self.losses.append(self.objective.full_loss())

    def _wait(self) -> None:
        """An accelerator works on after the call returned; a time that excludes the work means nothing."""
        # torch.accelerator, since torch 2.6: one call for CUDA, XPU and MPS.
        if self.device != "cpu":
            torch.accelerator.synchronize(torch.device(self.device))

    def _point(self) -> np.ndarray:
        return np.concatenate([p.detach().cpu().double().numpy().reshape(-1) for p in self.objective.params])


def checkpoints(steps: int) -> np.ndarray:
    """The steps after which the full loss is taken: the start, the end, and at most 49 evenly between them."""
    # Short runs at every step; rounding may give a step twice, which unique drops.
    return np.unique(np.linspace(0, steps, min(steps, CHECKPOINTS) + 1).round().astype(int))


def train(
    problem: Problem,
    makers: Mapping[str, Factory],
    *,
    hyper: Mapping[str, Any],
    seed: int,
    dtype: torch.dtype | str,
    device: str = "cpu",
    data: Path | None = None,
) -> dict[str, Training]:
    """Train every implementation from the same seed; the names of `makers` are the names of the result.

    makers      name -> (params, **hyper) -> optimizer
    dtype       a torch.dtype, or its name such as "float64"
    data        the airfoil file or its folder, for the problem that needs it

    Raises what `problem.setup` raises, and what an optimizer raises for hyperparameters that it refuses.
    """
    dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    runners = {name: _Runner(problem, make, hyper, (seed, dtype, device, data)) for name, make in makers.items()}
    evaluated = checkpoints(problem.steps)
    marks = set(evaluated.tolist())
    order = list(runners.values())
    for number in range(problem.steps):
        for runner in order:
            runner.step(number, checkpoint=number + 1 in marks)
        # Who steps second finds the caches warm and the clock later: the two take turns at it.
        order.reverse()
    return {name: _training(name, runner, evaluated) for name, runner in runners.items()}


def _training(name: str, runner: _Runner, steps: np.ndarray) -> Training:
    return Training(
        name=name,
        losses=np.array(runner.losses),
        steps=steps,
        final_loss=runner.losses[-1],
        trace=np.stack(runner.points) if runner.points else None,
        step_time_s=float(np.median(runner.times)),
    )
