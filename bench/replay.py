"""Replay: two optimizers receive the same gradients, and every parameter and state tensor is compared at every step.

The formula runs beside them on (value, rounding error) pairs through the whole history, so the allowed gap of each
element grows exactly as fast as rounding lets two right implementations drift apart. Lockstep is the replay of one
step from synchronised state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from ..reference.oracle import Trajectory
from ..scratch_impls import Spec, State
from .bound import Bounded
from .scenario import Scenario, cast, spread_history

Factory = Callable[..., Optimizer]  # (params, **hyper) -> optimizer


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The disagreement at one element of one step.

    gap_bounds  |ours - theirs| in units of bound; at most 1 for two right implementations
    bound       absolute: twice the first-order rounding error of the formula at that element
    gap_ulp     |ours - theirs| in units in the last place of theirs
    """

    step: int
    tensor: str
    element: int
    ours: float
    theirs: float
    bound: float
    gap_bounds: float
    gap_ulp: float

    def __str__(self) -> str:
        return (
            f"step {self.step}: gap {self.gap_bounds:.3g} bounds ({self.tensor}[{self.element}]: "
            f"ours {self.ours!r}, theirs {self.theirs!r}, bound {self.bound:.3g})"
        )

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Both trajectories, the formula's value and error, and the gap in bounds; arrays of shape (steps, elements).

    slots       (name, first element) of each tensor within the second dimension
    """

    ours: np.ndarray
    theirs: np.ndarray
    value: np.ndarray
    error: np.ndarray
    gap_bounds: np.ndarray
    slots: tuple[tuple[str, int], ...]
    dtype: str

    @property
    def agrees(self) -> bool:
        return bool((self.gap_bounds <= 1).all())

    def worst(self) -> Gap:
        """The largest gap of all steps and elements."""
        return self._at(int(self.gap_bounds.argmax()))

    def first_failure(self) -> Gap | None:
        """The largest gap of the first step at which the two disagree: nearest to the cause."""
        steps = np.flatnonzero((self.gap_bounds > 1).any(axis=1))
        if steps.size == 0:
            return None
        first = int(steps[0])
        return self._at(first * self.gap_bounds.shape[1] + int(self.gap_bounds[first].argmax()))

    def worst_ulp(self, tensor: str) -> float:
        """The largest gap of the tensors of this name (such as "param"), in units in the last place of theirs."""
        bounds = [*(start for _, start in self.slots), self.ours.shape[1]]
        parts = [slice(bounds[i], bounds[i + 1]) for i, (name, _) in enumerate(self.slots) if name.split(".")[-1] == tensor]
        with np.errstate(invalid="ignore"):
            return max(float(np.nanmax(ulps(self.ours[:, p], self.theirs[:, p], self.dtype))) for p in parts)

    def _at(self, flat: int) -> Gap:
        step, k = divmod(flat, self.gap_bounds.shape[1])
        name, start = [slot for slot in self.slots if slot[1] <= k][-1]
        ours, theirs = self.ours[step, k], self.theirs[step, k]
        return Gap(
            step=step + 1,
            tensor=name,
            element=k - start,
            ours=float(ours),
            theirs=float(theirs),
            bound=float(2 * self.error[step, k]),
            gap_bounds=float(self.gap_bounds[step, k]),
            gap_ulp=float(ulps(ours, theirs, self.dtype)),
        )


def ulps(ours: Any, theirs: Any, dtype: str) -> Any:
    """The distance in units in the last place of theirs."""
    finfo = torch.finfo(getattr(torch, dtype))
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(theirs), finfo.tiny)
        return np.abs(np.subtract(ours, theirs)) / (2.0 ** np.floor(np.log2(size)) * finfo.eps)


def gaps(ours: np.ndarray, theirs: np.ndarray, value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """|ours - theirs| in units of twice the error; inf where only one side has a number."""
    with np.errstate(all="ignore"):
        distance = np.abs(ours - theirs)
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs) & np.isnan(value))
        found = np.where(same, 0.0, distance / (2 * error))
    found[np.isnan(found)] = np.inf
    return found


class _Side:
    """One optimizer with its parameters; it is driven by step() and read into one flat row."""

    def __init__(self, make: Factory, scenario: Scenario, dtype: str, device: str, hyper: Mapping[str, Any]) -> None:
        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.tensor(array, dtype=getattr(torch, dtype), device=device)

        self.params = [torch.nn.Parameter(tensor(a)) for a in scenario.start]
        # One gradient tensor for the whole run, refilled at each step as autograd does: an optimizer that keeps a
        # reference to it instead of a copy reads the next gradient.
        self.grads = [torch.zeros_like(p) for p in self.params]
        self.optimizer = make(self.params, **hyper)
        self.lrs = [group["lr"] for group in self.optimizer.param_groups]
        for param, (count, state) in zip(self.params, scenario.synced or (), strict=False):
            tensors = {n: None if v is None else tensor(v) for n, v in state.items()}
            self.optimizer.state[param].update({"step": torch.tensor(float(count)), **tensors})

    def step(self, gradients: list[torch.Tensor | None], lr_factor: float) -> None:
        for param, buffer, gradient in zip(self.params, self.grads, gradients, strict=True):
            param.grad = None if gradient is None else buffer.copy_(gradient)
        for group, lr in zip(self.optimizer.param_groups, self.lrs, strict=True):
            group["lr"] = lr * lr_factor
        self.optimizer.step()

    def read(self, names: list[list[str]], expected: list[bool]) -> list[Any]:
        """The tensors in the order of `names`, None where the formula has none yet or this side has none at all."""
        found = [
            param.detach() if name == "param" else self.optimizer.state[param].get(name)
            for param, wanted in zip(self.params, names, strict=True)
            for name in wanted
        ]
        return [value if there else None for value, there in zip(found, expected, strict=True)]


def replay(
    spec: Spec,
    hyper: Mapping[str, Any],
    ours: Factory,
    theirs: Factory,
    scenario: Scenario,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    their_hyper: Mapping[str, Any] | None = None,
) -> Replay:
    """Drive two optimizers through one scenario.

    spec, hyper     the formula that bounds the gap, and the case's hyperparameters
    ours, theirs    (params, **hyper) -> optimizer; state tensors are compared under the formula's names
    their_hyper     what theirs receives, where it is not hyper: for controls that must fail
    """
    full = spec.hyper(**hyper)
    rounded = Scenario(
        name=scenario.name,
        start=tuple(cast(a, dtype) for a in scenario.start),
        gradients=tuple(tuple(None if g is None else cast(g, dtype) for g in row) for row in scenario.gradients),
        lr_factors=scenario.lr_factors,
        synced=scenario.synced,
    )
    truth = Trajectory(spec, full, *_pairs(rounded, dtype))
    left = _Side(ours, rounded, dtype, device, hyper)
    right = _Side(theirs, rounded, dtype, device, hyper if their_hyper is None else their_hyper)
    names = [["param", *state] for state in truth.states]
    sizes = [a.size for a, wanted in zip(rounded.start, names, strict=True) for _ in wanted]
    recorded: dict[str, list[np.ndarray]] = {"ours": [], "theirs": [], "value": [], "error": []}
    for row, factor in zip(rounded.gradients, rounded.lr_factors, strict=True):
        tensors = [None if g is None else torch.from_numpy(g) for g in row]
        left.step(tensors, factor)
        right.step(tensors, factor)
        truth.step([None if g is None else Bounded.exact(g, dtype) for g in row], factor)
        pairs = _read_pairs(truth, names)
        # State before a parameter's first step is nobody's business: torch's Adagrad makes it in the constructor.
        expected = [b is not None for b in pairs]
        recorded["ours"].append(_flat(left.read(names, expected), sizes))
        recorded["theirs"].append(_flat(right.read(names, expected), sizes))
        recorded["value"].append(_flat([None if b is None else b.value for b in pairs], sizes))
        recorded["error"].append(_flat([None if b is None else b.error for b in pairs], sizes))
    arrays = {name: np.stack(rows) for name, rows in recorded.items()}
    starts = np.cumsum([0, *sizes[:-1]])
    labels = [f"{param}.{name}" for param, wanted in zip(scenario.labels, names, strict=True) for name in wanted]
    slots = tuple((label, int(start)) for label, start in zip(labels, starts, strict=True))
    return Replay(**arrays, gap_bounds=gaps(**arrays), slots=slots, dtype=dtype)


def _pairs(scenario: Scenario, dtype: str) -> tuple[list[Bounded], list[tuple[int, State]] | None]:
    """The start of a scenario, and its synchronised state if it has one, as pairs without error."""
    start = [Bounded.exact(a, dtype) for a in scenario.start]
    if scenario.synced is None:
        return start, None
    return start, [
        (count, {name: None if v is None else Bounded.exact(v, dtype) for name, v in state.items()})
        for count, state in scenario.synced
    ]


def _read_pairs(truth: Trajectory, names: list[list[str]]) -> list[Bounded | None]:
    """Values in the order of `names`; None for the state of a parameter that never stepped."""
    return [
        truth.params[i] if name == "param" else (truth.states[i].get(name) if truth.counts[i] else None)
        for i, wanted in enumerate(names)
        for name in wanted
    ]


def _flat(values: list[Any], sizes: list[int]) -> np.ndarray:
    """One float64 row; NaN where a side has no such tensor, or one of another size."""
    parts = []
    for value, size in zip(values, sizes, strict=True):
        if isinstance(value, torch.Tensor):
            value = value.detach().to("cpu", torch.float64).numpy()
        array = np.full(size, np.nan) if value is None else np.asarray(value, dtype=np.float64).reshape(-1)
        parts.append(array if array.size == size else np.full(size, np.nan))
    return np.concatenate(parts)


def synced_scenario(
    spec: Spec,
    hyper: Mapping[str, Any],
    *,
    sizes: tuple[int, ...],
    warm: int,
    dtype: str,
    away: tuple[bool, ...] = (False, True),
    seed: int = 0,
) -> Scenario:
    """One step of several parameters from the state that `warm` steps of the formula leave behind; 0 is a fresh start.

    sizes   elements of each parameter: one a multiple of every vector width, one that leaves trailing elements
    away    False puts a parameter at 0, where the update keeps all its bits; True at N(0, 1), where weight decay
            shows and the last subtraction rounds
    """
    full = spec.hyper(**hyper)
    names, start, gradients, synced = [], [], [], []
    for n in sizes:
        history = Trajectory(spec, full, [spread_history(seed, n, dtype)[0]])
        for t in range(warm):
            history.step([spread_history(seed, n, dtype)[1 + t]])
        state = {name: None if v is None else cast(v, dtype) for name, v in history.states[0].items()}
        for elsewhere in away:
            names.append(f"n={n} {'away from' if elsewhere else 'at'} 0")
            start.append(spread_history(seed, n, dtype)[0] if elsewhere else np.zeros(n))
            gradients.append(spread_history(seed, n, dtype)[-1])
            synced.append((warm, state))
    return Scenario(
        name=f"lockstep after {warm} steps",
        start=tuple(start),
        gradients=(tuple(gradients),),
        lr_factors=(1.0,),
        synced=tuple(synced) if warm else None,
        names=tuple(names),
    )
