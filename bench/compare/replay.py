"""Replay: two optimizers receive the same gradients, and every parameter and state tensor is compared at every step.

The formula runs beside them on (value, rounding error) pairs through the whole history, so the allowed gap of each
element grows exactly as fast as rounding lets two right implementations drift apart. Lockstep is the replay of one
step from synchronised state (`synced_scenario`), or of many with the parameters set equal after each (`equal_params`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from ...reference import torch_paths
from ...reference.local_model import closure_for
from ...scratch_impls import Spec, map_state
from .bounds import FirstOrderBounds, SampledBounds, bounds_of
from .gap import Replay, gaps
from .scenario import Scenario

_BoundsRow = tuple[list[bool], np.ndarray, np.ndarray]  # which values are there; their values; their errors

Factory = Callable[..., Optimizer]  # (params, **hyper) -> optimizer


class _Side:
    """One optimizer with its parameters; step() drives it, read() gives its tensors.

    together    all parameters step as one vector, whose state stands under the first of them: a formula that
                evaluates the loss itself, and its twin
    """

    def __init__(
        self, make: Factory, scenario: Scenario, dtype: str, device: str, hyper: Mapping[str, Any],
        *, together: bool = False,
    ) -> None:  # fmt: skip
        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.tensor(array, dtype=getattr(torch, dtype), device=device)

        self.params = [torch.nn.Parameter(tensor(a)) for a in scenario.start]
        # One gradient tensor for the whole run, refilled at each step as autograd does: an optimizer that keeps a
        # reference to it instead of a copy reads the next gradient.
        self.grads = [torch.zeros_like(p) for p in self.params]
        self.units = [self.params] if together else [[p] for p in self.params]
        self.rugged = together and scenario.rugged
        self.optimizer = torch_paths.fed(make)(self.params, **hyper)
        self.lrs = [group["lr"] for group in self.optimizer.param_groups]
        # By load_state_dict, which every optimizer has: its own attributes have names that nobody knows.
        if scenario.synced is not None:
            saved = self.optimizer.state_dict()
            for i, (count, state) in enumerate(scenario.synced):
                values = map_state(state, lambda v: tensor(v) if isinstance(v, np.ndarray) else v)
                saved["state"][i] = {"step": float(count), **values}
            self.optimizer.load_state_dict(saved)

    def step(self, gradients: list[torch.Tensor | None], lr_factor: float) -> None:
        for param, buffer, gradient in zip(self.params, self.grads, gradients, strict=True):
            param.grad = None if gradient is None else buffer.copy_(gradient)
        for group, lr in zip(self.optimizer.param_groups, self.lrs, strict=True):
            group["lr"] = lr * lr_factor
        if self.rugged:
            self.optimizer.step(closure_for(self.params, rugged=True))
        else:
            self.optimizer.step()

    def copy_params_from(self, other: _Side) -> None:
        with torch.no_grad():
            for mine, theirs in zip(self.params, other.params, strict=True):
                mine.copy_(theirs)

    def read(self, names: list[list[str]], expected: list[bool]) -> list[Any]:
        """The tensors in the order of `names`, None where the formula has none yet or this side has none at all."""
        found = [
            _joined(unit) if name == "param" else self.optimizer.state.get(unit[0], {}).get(name)
            for unit, wanted in zip(self.units, names, strict=True)
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
    states: str | tuple[str, ...] = "all",
    equal_params: bool = False,
) -> Replay:
    """Drive two optimizers through one scenario.

    spec, hyper     the formula that bounds the gap, and the case's hyperparameters
    ours, theirs    (params, **hyper) -> optimizer; state tensors are compared under the formula's names
    our_hyper, their_hyper      what that side receives, where it is not hyper
    states          "all": every state tensor of the formula must be there on both sides; "shared": only those that both
                    sides have, for a class whose state has names of its own; or the names of which that holds
    equal_params    set the parameters equal after each step, so that every step is judged alone: lockstep for a class
                    whose state cannot be set from outside
    """
    full = spec.hyper(**hyper)
    scenario = scenario.as_driven(spec, dtype)
    side = functools.partial(_Side, scenario=scenario, dtype=dtype, device=device, together=spec.closure)
    left = side(ours, hyper=hyper if our_hyper is None else our_hyper)
    right = side(theirs, hyper=hyper if their_hyper is None else their_hyper)
    if equal_params:  # what is computed depends on where theirs went
        bounds = bounds_of(spec, full, scenario, dtype)
        layout, expected = _Layout.of(bounds), None
    else:
        layout, expected = _whole_history(spec, _Hyper(full), scenario, dtype)
    rows: dict[str, list[np.ndarray]] = {"ours": [], "theirs": [], "value": [], "error": []}
    for step, (gradients, factor) in enumerate(zip(scenario.gradients, scenario.lr_factors, strict=True)):
        tensors = [None if g is None else torch.from_numpy(g) for g in gradients]
        left.step(tensors, factor)
        right.step(tensors, factor)
        if expected is not None:
            there, value, error = expected[step]
        else:
            bounds.step(gradients, factor)
            there, value, error = layout.bounds_row(bounds)
        rows["ours"].append(layout.row(left.read(layout.names, there)))
        rows["theirs"].append(layout.row(right.read(layout.names, there)))
        rows["value"].append(value)
        rows["error"].append(error)
        if equal_params:
            left.copy_params_from(right)
            # Copies: the next step writes into theirs.
            bounds.set_params([_array(_joined(unit)).copy() for unit in right.units])
    arrays = {name: np.stack(found) for name, found in rows.items()}
    if states != "all":
        _ignore_state(arrays, layout, states)
    return Replay(**arrays, gap_bounds=gaps(**arrays), slots=layout.slots(scenario.labels), dtype=dtype)


@dataclass(frozen=True)
class _Layout:
    """Which values stand in one row of a replay, side by side.

    names   for each unit, a parameter or all of them as one vector, "param" and the names of its state
    sizes   the elements of each, in the same order, one after the other
    """

    names: list[list[str]]
    sizes: list[int]

    @classmethod
    def of(cls, bounds: FirstOrderBounds | SampledBounds) -> _Layout:
        # A list (the pairs of L-BFGS) grows from step to step: what stands in it shows in what is computed from it.
        names = [["param", *(n for n, v in state.items() if not isinstance(v, list))] for state in bounds.states]
        units = zip(bounds.params, bounds.states, names, strict=True)
        return cls(names, [_size(state.get(name), param) for param, state, wanted in units for name in wanted])

    def bounds_row(self, bounds: FirstOrderBounds | SampledBounds) -> _BoundsRow:
        """What the formula has after a step: which values are there, and the value and error of each element."""
        pairs = [bounds.read(i, name) for i, wanted in enumerate(self.names) for name in wanted]
        # State before a parameter's first step is not compared: torch's Adagrad makes it in the constructor.
        return (
            [pair is not None for pair in pairs],
            self.row([None if pair is None else pair.value for pair in pairs]),
            self.row([None if pair is None else pair.error for pair in pairs]),
        )

    def row(self, values: list[Any]) -> np.ndarray:
        """One float64 row; NaN where a side has no such tensor, or one of another size."""
        parts = []
        for value, size in zip(values, self.sizes, strict=True):
            if isinstance(value, torch.Tensor):
                value = _array(value)
            array = np.full(size, np.nan) if value is None else np.asarray(value, dtype=np.float64).reshape(-1)
            parts.append(array if array.size == size else np.full(size, np.nan))
        return np.concatenate(parts)

    def slots(self, labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """(name, first element) of each value, such as ("p0.exp_avg", 20)."""
        names = [f"{label}.{name}" for label, wanted in zip(labels, self.names, strict=False) for name in wanted]
        starts = np.cumsum([0, *self.sizes[:-1]])
        return tuple((name, int(start)) for name, start in zip(names, starts, strict=True))


class _Hyper:
    """Hyperparameters that a cache can be asked for: equal where all of them are, in type as well (1 is no True)."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.key = repr(sorted(values.items()))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hyper) and self.key == other.key


# Every path of a class, every seeded mistake and many checks meet the formula on the same history: half of a replay's
# time was spent on computing it again. A row is some hundred numbers; large tensors are judged by a few steps.
@functools.lru_cache(maxsize=256)
def _whole_history(spec: Spec, hyper: _Hyper, scenario: Scenario, dtype: str) -> tuple[_Layout, list[_BoundsRow]]:
    """The formula's rows for every step of a history that nothing interferes with."""
    bounds = bounds_of(spec, hyper.values, scenario, dtype)
    layout, rows = _Layout.of(bounds), []
    for gradients, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        bounds.step(gradients, factor)
        rows.append(layout.bounds_row(bounds))
    return layout, rows


def trajectory(make: Factory, hyper: Mapping[str, Any], scenario: Scenario, device: str = "cpu") -> np.ndarray:
    """One optimizer's parameters after every step of a scenario, float64, shape (steps, elements)."""
    side = _Side(make, scenario, "float64", device, hyper)
    rows = []
    for row, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        side.step([None if g is None else torch.from_numpy(np.asarray(g)) for g in row], factor)
        rows.append(np.concatenate([_array(p) for p in side.params]))
    return np.stack(rows)


def _joined(unit: list[torch.nn.Parameter]) -> torch.Tensor:
    return unit[0].detach() if len(unit) == 1 else torch.cat([p.detach().reshape(-1) for p in unit])


def _size(value: Any, param: Any) -> int:
    """The elements of a state value; None, and the parameter itself, are as large as the parameter."""
    value = param if value is None else value
    return int(np.size(getattr(value, "value", value)))


def _ignore_state(arrays: dict[str, np.ndarray], layout: _Layout, states: str | tuple[str, ...]) -> None:
    """Makes the state tensors that are not to be compared equal on both sides; the parameters always are compared."""
    first = 0
    for name, size in zip([name for wanted in layout.names for name in wanted], layout.sizes, strict=True):
        part = slice(first, first + size)
        first += size
        absent = any(np.isnan(arrays[side][:, part]).all() for side in ("ours", "theirs"))
        if name != "param" and size and (absent or (states != "shared" and name not in states)):
            for side in ("ours", "theirs", "value"):
                arrays[side][:, part] = np.nan


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().to("cpu", torch.float64).numpy().reshape(-1)
    return array
