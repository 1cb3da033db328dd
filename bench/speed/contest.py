"""One cell of the benchmarks: who competes in it, who agrees with the reference, and how fast each is.

The competitors are the formula on NumPy arrays, the formula as a torch optimizer, and torch's own optimizer on every
path that it has. What disagrees is WRONG and is not timed: a fast wrong answer is no result.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...reference import torch_paths
from ...reference.driving import driven_by_grad
from ...reference.known_defects import mended
from ...reference.local_model import asks_for_closure
from ...reference.oracle import Trajectory
from ...scratch_impls import Case, Spec, as_shape
from ..adapter import as_optimizer, numpy_optimizer
from ..compare.replay import Factory, replay
from ..compare.scenario import Scenario, probe
from .timing import Ratio, Step, Stream, Times, interleave, ratio, step_bytes

_STREAM = "stream"


def implementations(spec: Spec) -> tuple[str, ...]:
    """Those that compete, in a fixed order; the torch paths are those that this version of torch has."""
    paths = torch_paths.paths(spec.reference) if spec.reference else ()
    return ("scratch-numpy", "scratch", *(f"torch-{path}" for path in paths))


def twin(spec: Spec, dtype: str = "float32") -> tuple[str, Factory]:
    """What the formula on torch is held against, by name.

    It is torch's for-loop, with a known defect of that format mended where it can be; and for a formula that torch does
    not have, the formula on NumPy.
    """
    if spec.reference is None:
        return "scratch-numpy", factory(spec, "scratch-numpy")
    mends = mended(spec.reference, dtype)
    make = functools.partial(torch_paths.build, spec.reference, "forloop", mended=mends)
    return "torch-forloop" + ("-mended" if mends else ""), make


def representatives(spec: Spec) -> Iterator[Case]:
    """The cases that are timed: the first, which holds the defaults, and the first that keeps more state than it."""
    torch_cases = [case for case in spec.cases if case.reference == "torch"]
    yield torch_cases[0]
    sizes = [step_bytes(spec, case.hyper, [as_shape((1,), spec.dims)], "float32") for case in torch_cases]
    yield from [case for case, size in zip(torch_cases, sizes, strict=True) if size > sizes[0]][:1]


def factory(spec: Spec, implementation: str) -> Factory:
    """(params, **hyper) -> optimizer. ValueError for a name that does not compete."""
    if implementation not in implementations(spec):
        raise ValueError(f"{spec.name} has no {implementation!r}; it has {', '.join(implementations(spec))}")
    if implementation == "scratch":
        return as_optimizer(spec)
    if implementation == "scratch-numpy":
        return numpy_optimizer(spec)
    assert spec.reference is not None  # or no torch path would compete
    # Made to take one path: torch's own default would choose foreach or for-loop by the device.
    return functools.partial(torch_paths.build, spec.reference, implementation.removeprefix("torch-"))


def disagreement(spec: Spec, case: Case, implementation: str, dtype: str, make: Factory | None = None) -> str | None:
    """What is wrong with an implementation, judged by a short replay against the twin; None when it agrees.

    make    builds what is judged under this name, where it is not our own
    """
    ours = make or factory(spec, implementation)
    try:
        # Eight steps: the third has lr 0, and RAdam's first rectified step is the sixth.
        result = replay(spec, case.hyper, ours, twin(spec, dtype)[1], probe(0, steps=8), dtype=dtype)
    except Exception as error:  # whatever it raises, it is not an implementation that can be timed
        return f"{type(error).__name__}: {error}"
    gap = result.first_failure()
    if gap is not None:
        return str(gap)
    # Where the formula itself gives NaN, two NaN agree; but the probe is finite, and so is every right answer to it.
    finite = np.isfinite(result.ours).all(axis=1)
    return None if finite.all() else f"step {int(finite.argmin()) + 1}: not finite"


def stepper(
    spec: Spec, case: Case, implementation: str, params: Sequence[torch.Tensor], grads: Sequence[torch.Tensor]
) -> Step:
    """A function without arguments that takes one step on its own copy of params; gradients are shared, only read."""
    if implementation == "scratch-numpy" and not spec.closure:
        # Without the class around it: on NumPy the formula alone competes, as somebody would write it.
        arrays = Trajectory(spec, spec.hyper(**case.hyper), [p.numpy().copy() for p in params])
        return functools.partial(arrays.step, [g.numpy() for g in grads])
    # Of its own: each takes as many steps as its blocks hold, and ends elsewhere.
    own = [p.clone().requires_grad_() for p in params]
    for param, grad in zip(own, grads, strict=True):
        param.grad = grad
    return steps_of(factory(spec, implementation), own, case.hyper)


def steps_of(make: Factory, params: Sequence[torch.Tensor], hyper: Mapping[str, Any]) -> Step:
    """A function that takes a step by the gradients that are there.

    Where an optimizer asks for a closure, a step costs what those before it left to remember: there it is the first
    step of a new one each time, from the same place, or who takes more steps would take longer ones.
    """
    driven = driven_by_grad(make)
    optimizer = driven(params, **hyper)
    # Of the optimizer, not of what makes it: a function that makes torch's L-BFGS does not show what its step asks for.
    if not asks_for_closure(optimizer):
        step: Step = optimizer.step
        return step
    start = [p.detach().clone() for p in params]

    @torch.no_grad()
    def first_step() -> None:
        for param, value in zip(params, start, strict=True):
            param.copy_(value)
        driven(params, **hyper).step()

    return first_step


def bare_loops(case: Case, makes: Sequence[Factory], history: Scenario, dtype: str) -> None:
    """What a replay drives, and nothing else: each optimizer in turn through the history's gradients."""
    kind = getattr(torch, dtype)
    gradients = [[None if g is None else torch.tensor(g, dtype=kind) for g in row] for row in history.gradients]
    for make in makes:
        params = [torch.tensor(a, dtype=kind, requires_grad=True) for a in history.start]
        optimizer = driven_by_grad(make)(params, **case.hyper)
        for row in gradients:
            for param, gradient in zip(params, row, strict=True):
                param.grad = gradient
            optimizer.step()


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What one cell gave.

    reference   the implementation that the others' times are held against
    wrong       implementation -> what is wrong with it; such a one has no times
    times       the others, interleaved, and the memory stream beside them
    bandwidth   bytes per second of that stream, median of the rounds
    floor_s     the least seconds that a step can take at that bandwidth
    """

    reference: str
    wrong: dict[str, str]
    times: Times
    bandwidth: float
    floor_s: float

    @property
    def best_torch(self) -> str:
        """The fastest torch path by its median; the reference where there is none."""
        paths = [n for n in self.times.seconds if n.startswith("torch-")]
        return min(paths, key=self.times.median_s, default=self.reference)

    def ratio_to(self, implementation: str, other: str) -> Ratio:
        return ratio(self.times.seconds[implementation], self.times.seconds[other])

    def figures(self, implementation: str) -> dict[str, Any]:
        """The measured columns of one implementation's row: times in seconds, everything else without dimension."""
        if implementation in self.wrong:
            return {"verdict": "WRONG", "why": self.wrong[implementation], "ratio": None, "step_s": None}
        step_s = self.times.median_s(implementation)
        if self.reference in self.wrong:
            return {"verdict": None, "why": f"{self.reference} is WRONG", "ratio": None, "step_s": step_s}
        loop, best = self.ratio_to(implementation, self.reference), self.ratio_to(implementation, self.best_torch)
        return {
            "verdict": loop.verdict, "step_s": step_s,
            "ratio": loop.value, "ratio_low": loop.low, "ratio_high": loop.high,
            "ratio_best": best.value, "ratio_best_low": best.low, "ratio_best_high": best.high,
            "best_torch": self.best_torch, "floor_s": self.floor_s, "floor_fraction": self.floor_s / step_s,
            "bandwidth_gb_per_s": self.bandwidth / 1e9, "rounds": self.times.rounds,
            "inner_steps": self.times.inner[implementation],
        }  # fmt: skip


def run_contest(
    spec: Spec, case: Case, shapes: Sequence[tuple[int, ...]], *, dtype: str = "float32", seed: int = 0,
    budget_s: float = 3.0, rounds: int = 20,
) -> Contest:  # fmt: skip
    """Judges and times all implementations of one cell, within about budget_s and the time of a few more rounds."""
    wrong = {name: why for name in implementations(spec) if (why := disagreement(spec, case, name, dtype)) is not None}
    competing = [name for name in implementations(spec) if name not in wrong]
    # Muon takes matrices alone: a vector becomes one column, with as many elements to move.
    shapes = [as_shape(shape, spec.dims) for shape in shapes]
    least = step_bytes(spec, case.hyper, shapes, dtype)
    stream = Stream(least)
    times = _times(spec, case, competing, shapes, stream, dtype=dtype, seed=seed, budget_s=budget_s, rounds=rounds)
    bandwidth = stream.bytes / times.median_s(_STREAM)
    competitors = Times(seconds={n: times.seconds[n] for n in competing}, inner={n: times.inner[n] for n in competing})
    reference = "torch-forloop" if spec.reference else "scratch-numpy"
    return Contest(reference=reference, wrong=wrong, times=competitors, bandwidth=bandwidth, floor_s=least / bandwidth)


def _times(
    spec: Spec, case: Case, competing: Sequence[str], shapes: Sequence[tuple[int, ...]], stream: Stream, *,
    dtype: str, seed: int, budget_s: float, rounds: int,
) -> Times:  # fmt: skip
    """Times the competitors and the stream, all of which exist only here: a large cell holds up to 1.5 GB."""
    gc.collect()  # what the cell before left in cycles
    generator, kind = torch.Generator().manual_seed(seed), getattr(torch, dtype)
    params = [torch.randn(shape, generator=generator, dtype=kind) for shape in shapes]
    grads = [torch.randn(shape, generator=generator, dtype=kind) for shape in shapes]
    steps = {name: stepper(spec, case, name, params, grads) for name in competing}
    del params  # each has a copy
    return interleave({**steps, _STREAM: stream}, rounds=rounds, budget_s=budget_s)
