"""Replay: two optimizers receive the same gradients, and every parameter and state tensor is compared at every step.

The formula runs beside them on (value, rounding error) pairs through the whole history, so the allowed gap of each
element grows exactly as fast as rounding lets two right implementations drift apart. Lockstep is the replay of one
step from synchronised state (`synced_scenario`), or of many with the parameters set equal after each (`equal_params`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from ..reference.oracle import Trajectory
from ..scratch_impls import Spec, State
from .bound import PRECISIONS, Bounded, bounded_hyper
from .gap import Replay, gaps
from .scenario import Scenario, cast

Factory = Callable[..., Optimizer]  # (params, **hyper) -> optimizer


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
        if scenario.synced is not None:  # it enters as what somebody saved
            saved = self.optimizer.state_dict()
            for i, (count, state) in enumerate(scenario.synced):
                values = {n: tensor(v) if isinstance(v, np.ndarray) else v for n, v in state.items()}
                saved["state"][i] = {"step": float(count), **values}
            self.optimizer.load_state_dict(saved)

    def step(self, gradients: list[torch.Tensor | None], lr_factor: float) -> None:
        for param, buffer, gradient in zip(self.params, self.grads, gradients, strict=True):
            param.grad = None if gradient is None else buffer.copy_(gradient)
        for group, lr in zip(self.optimizer.param_groups, self.lrs, strict=True):
            group["lr"] = lr * lr_factor
        self.optimizer.step()

    def take_params(self, other: _Side) -> None:
        with torch.no_grad():
            for mine, theirs in zip(self.params, other.params, strict=True):
                mine.copy_(theirs)

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
    our_hyper: Mapping[str, Any] | None = None,
    their_hyper: Mapping[str, Any] | None = None,
    states: str = "all",
    equal_params: bool = False,
) -> Replay:
    """Drive two optimizers through one scenario.

    spec, hyper     the formula that bounds the gap, and the case's hyperparameters
    ours, theirs    (params, **hyper) -> optimizer; state tensors are compared under the formula's names
    our_hyper, their_hyper      what that side receives, where it is not hyper
    states          "all": every state tensor of the formula must be there on both sides; "shared": only those that both
                    sides have, for a class whose state has names of its own; "none"
    equal_params    set the parameters equal after each step, so that every step is judged alone: lockstep for a class
                    whose state cannot be set from outside
    """
    full = spec.hyper(**hyper)
    scenario = scenario.fitted(spec.dims)
    rounded = Scenario(
        name=scenario.name,
        start=tuple(cast(a, dtype) for a in scenario.start),
        gradients=tuple(tuple(None if g is None else cast(g, dtype) for g in row) for row in scenario.gradients),
        lr_factors=scenario.lr_factors,
        synced=scenario.synced,
    )
    truth = Trajectory(spec, bounded_hyper(full), *_pairs(rounded, dtype), functools.partial(_held, dtype=dtype))
    left = _Side(ours, rounded, dtype, device, hyper if our_hyper is None else our_hyper)
    right = _Side(theirs, rounded, dtype, device, hyper if their_hyper is None else their_hyper)
    names = [["param", *state] for state in truth.states]
    sizes = [_size(value, a) for a, state in zip(rounded.start, truth.states, strict=True)
             for value in (None, *state.values())]  # fmt: skip
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
        if equal_params:
            left.take_params(right)
            truth.params = [Bounded.exact(_array(p).reshape(p.shape).copy(), dtype) for p in right.params]
    arrays = {name: np.stack(rows) for name, rows in recorded.items()}
    starts = np.cumsum([0, *sizes[:-1]])
    if states != "all":
        _ignore_state(arrays, names, sizes, states)
    labels = [f"{param}.{name}" for param, wanted in zip(scenario.labels, names, strict=True) for name in wanted]
    slots = tuple((label, int(start)) for label, start in zip(labels, starts, strict=True))
    return Replay(**arrays, gap_bounds=gaps(**arrays), slots=slots, dtype=dtype)


def trajectory(make: Factory, hyper: Mapping[str, Any], scenario: Scenario, device: str = "cpu") -> np.ndarray:
    """One optimizer's parameters after every step of a scenario, float64, shape (steps, elements)."""
    side = _Side(make, scenario, "float64", device, hyper)
    rows = []
    for row, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        side.step([None if g is None else torch.from_numpy(np.asarray(g)) for g in row], factor)
        rows.append(np.concatenate([_array(p) for p in side.params]))
    return np.stack(rows)


def _pairs(scenario: Scenario, dtype: str) -> tuple[list[Bounded], list[tuple[int, State]] | None]:
    """The start of a scenario, and its synchronised state if it has one, as pairs without error."""
    start = [Bounded.exact(a, dtype) for a in scenario.start]
    if scenario.synced is None:
        return start, None
    return start, [
        (count, {name: None if v is None else Bounded.exact(v, dtype) for name, v in state.items()})
        for count, state in scenario.synced
    ]


def _held(value: Any, dtype: str) -> Any:
    """A state value that is a number, not a tensor, may be kept in the parameter's format: it is rounded once."""
    if value is None or (isinstance(value, Bounded) and not value.constant):
        return value
    number = value if isinstance(value, Bounded) else Bounded(float(value), 0.0, PRECISIONS[dtype], constant=True)
    return 1 * Bounded(np.asarray(number.value), np.asarray(number.error), PRECISIONS[dtype])


def _size(value: Any, param: np.ndarray) -> int:
    """The elements of a state value; None, and the parameter itself, are as large as the parameter."""
    if value is None:
        return int(param.size)
    return int(np.size(value.value if isinstance(value, Bounded) else value))


def _read_pairs(truth: Trajectory, names: list[list[str]]) -> list[Bounded | None]:
    """Values in the order of `names`; None for the state of a parameter that never stepped."""
    return [
        truth.params[i] if name == "param" else (truth.states[i].get(name) if truth.counts[i] else None)
        for i, wanted in enumerate(names)
        for name in wanted
    ]


def _ignore_state(arrays: dict[str, np.ndarray], names: list[list[str]], sizes: list[int], states: str) -> None:
    """Makes the state tensors that are not to be compared equal on both sides; the parameters always are compared."""
    first = 0
    for name, size in zip([name for wanted in names for name in wanted], sizes, strict=True):
        part = slice(first, first + size)
        first += size
        absent = any(np.isnan(arrays[side][:, part]).all() for side in ("ours", "theirs"))
        if name != "param" and size and (states == "none" or absent):
            for side in ("ours", "theirs", "value"):
                arrays[side][:, part] = np.nan


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().to("cpu", torch.float64).numpy().reshape(-1)
    return array


def _flat(values: list[Any], sizes: list[int]) -> np.ndarray:
    """One float64 row; NaN where a side has no such tensor, or one of another size."""
    parts = []
    for value, size in zip(values, sizes, strict=True):
        if isinstance(value, torch.Tensor):
            value = _array(value)
        array = np.full(size, np.nan) if value is None else np.asarray(value, dtype=np.float64).reshape(-1)
        parts.append(array if array.size == size else np.full(size, np.nan))
    return np.concatenate(parts)
