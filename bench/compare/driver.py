"""One optimizer driven through a scenario, step by step, with the gradients of somebody else's choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from ...reference.driving import driven_by_grad
from ...reference.local_model import closure_for
from ...scratch_impls import map_state
from .optimizer_state import rate_of, tensor_by_name
from .scenario import Scenario

Factory = Callable[..., Optimizer]  # (params, **hyper) -> optimizer


class Side:
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
        self.optimizer = driven_by_grad(make)(self.params, **hyper)
        self.lrs = [rate_of(group) for group in getattr(self.optimizer, "param_groups", ())]
        # By load_state_dict, which every optimizer has: its own attributes have names that nobody knows.
        if scenario.synced is not None:
            saved = self.optimizer.state_dict()
            for i, (count, state) in enumerate(scenario.synced):
                values = map_state(state, lambda v: tensor(v) if isinstance(v, np.ndarray) else v)
                # A number: torch's classes make the tensor of it that their path keeps (Adam.__setstate__).
                saved["state"][i] = {"step": float(count), **values}
            self.optimizer.load_state_dict(saved)

    def step(self, gradients: list[torch.Tensor | None], lr_factor: float) -> None:
        for param, buffer, gradient in zip(self.params, self.grads, gradients, strict=True):
            # A step may leave p.grad in another shape; that is for inputs-untouched to tell.
            fits = gradient is None or buffer.shape == gradient.shape
            param.grad = None if gradient is None else (buffer if fits else torch.zeros_like(param)).copy_(gradient)
        # Written into the groups, as schedulers do: an optimizer that reads lr once in its constructor shows here.
        for group, lr in zip(getattr(self.optimizer, "param_groups", ()), self.lrs, strict=True):
            if lr is not None:
                group["lr"] = lr * lr_factor
            elif lr_factor != 1:  # `Scenario.at_one_rate` is for such
                raise TypeError("a group without a learning rate cannot be driven at several")
        with np.errstate(all="ignore"):  # a formula on NumPy's arrays; what is not finite shows in the gap
            self.optimizer.step(*([closure_for(self.params, rugged=True)] if self.rugged else []))

    def copy_params_from(self, other: Side) -> None:
        with torch.no_grad():
            for mine, theirs in zip(self.params, other.params, strict=True):
                mine.copy_(theirs)

    def read(self, names: list[list[str]], expected: list[bool]) -> list[Any]:
        """The tensors in the order of `names`, None where the formula has none yet or this side has none at all."""
        found = [
            joined(unit) if name == "param" else tensor_by_name(self.optimizer, unit[0], name)
            for unit, wanted in zip(self.units, names, strict=True)
            for name in wanted
        ]
        return [value if there else None for value, there in zip(found, expected, strict=True)]


def trajectory(
    make: Factory, hyper: Mapping[str, Any], scenario: Scenario, device: str = "cpu", dtype: str = "float64"
) -> np.ndarray:
    """One optimizer's parameters after every step of a scenario, float64, shape (steps, elements)."""
    side = Side(make, scenario, dtype, device, hyper)
    rows = []
    for row, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
        side.step([None if g is None else torch.from_numpy(np.asarray(g)) for g in row], factor)
        rows.append(np.concatenate([as_row(p) for p in side.params]))
    return np.stack(rows)


def joined(unit: list[torch.nn.Parameter]) -> torch.Tensor:
    """All parameters of a unit as one vector; a single one as it is."""
    return unit[0].detach() if len(unit) == 1 else torch.cat([p.detach().reshape(-1) for p in unit])


def as_row(tensor: torch.Tensor) -> np.ndarray:
    """A tensor of any device and format as one float64 row."""
    # float64 holds every number of the narrower formats exactly, and NumPy has no bfloat16.
    array: np.ndarray = tensor.detach().to("cpu", torch.float64).numpy().reshape(-1)
    return array
