"""What an optimizer keeps: its groups, and the state of each parameter as named values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from ..result import NotApplicable
from .runs import Params

Values = dict[str, Any]


def groups_of(optimizer: Any) -> list[dict[str, Any]]:
    groups = getattr(optimizer, "param_groups", None)
    if not groups:
        raise NotApplicable("it has no param_groups")
    return list(groups)


def state_of(optimizer: Any, param: torch.Tensor) -> Mapping[str, Any]:
    """The optimizer's state of one parameter, without making any."""
    state = getattr(optimizer, "state", {})
    found: Mapping[str, Any] = state.get(param, {})  # torch's state is a defaultdict: [] would make an entry
    return found


def leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every tensor and value inside, however deep, with its place: `name.exp_avg`, or `exp_avg` where name is ""."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{name}.{i}" if name else str(i))
    else:
        yield name, value


def state_tensors(optimizer: Any, param: torch.Tensor) -> dict[str, torch.Tensor]:
    """The tensors in the state of one parameter: the live ones, not copies."""
    return {name: v for name, v in leaves(state_of(optimizer, param), "") if isinstance(v, torch.Tensor)}


def named_state(optimizer: Optimizer, params: Params) -> Values:
    """p0.exp_avg and so on: the live state, not copies."""
    return {k: v for i, p in enumerate(params) for k, v in leaves(optimizer.state.get(p, {}), f"p{i}")}


def named_values(optimizer: Optimizer, params: Params) -> Values:
    """Copies of all parameters, p0.param and so on, then of all state."""
    return copies({**{f"p{i}.param": p.detach() for i, p in enumerate(params)}, **named_state(optimizer, params)})


def copies(live: Mapping[str, Any]) -> Values:
    return {name: v.detach().clone() if isinstance(v, torch.Tensor) else v for name, v in live.items()}


def params_in(values: Values) -> Values:
    """The parameters among named values."""
    return {name: value for name, value in values.items() if name.endswith(".param")}
