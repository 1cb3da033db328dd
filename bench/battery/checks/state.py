"""What an optimizer keeps: its groups, and the state of each parameter as named values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from ...compare.optimizer_state import leaves, rate_of, state_of, state_of_all
from ..result import NotApplicable
from .runs import Params

__all__ = [
    "Values", "copies", "groups_of", "leaves", "named_state", "named_values", "options_of", "params_in", "rate_of",
    "state_of", "state_of_all", "state_tensors",
]  # fmt: skip

Values = dict[str, Any]


def groups_of(optimizer: Any) -> list[dict[str, Any]]:
    """Its groups; NotApplicable where it has none, or none that could be read and set by name."""
    groups = getattr(optimizer, "param_groups", None)
    if not groups:
        raise NotApplicable("it has no param_groups")
    if not all(isinstance(group, Mapping) for group in groups):
        raise NotApplicable(f"its groups are no dicts: a group is a {type(groups[0]).__name__}")
    return list(groups)


def options_of(optimizer: Any) -> dict[str, Any]:
    """The options of its first group; none where that is no dict."""
    group: Any = next(iter(getattr(optimizer, "param_groups", None) or ({},)))
    return {k: v for k, v in group.items() if k != "params"} if isinstance(group, Mapping) else {}


def state_tensors(optimizer: Any, param: torch.Tensor) -> dict[str, torch.Tensor]:
    """The tensors in the state of one parameter: the live ones, not copies."""
    return {name: v for name, v in leaves(state_of(optimizer, param), "") if isinstance(v, torch.Tensor)}


def named_state(optimizer: Optimizer, params: Params) -> Values:
    """p0.exp_avg and so on: the live state of each parameter, not copies."""
    return {k: v for i, p in enumerate(params) for k, v in leaves(state_of(optimizer, p), f"p{i}")}


def named_values(optimizer: Optimizer, params: Params) -> Values:
    """Copies of all parameters, p0.param and so on, then of all state, that of no parameter alone as state.NAME."""
    live = {f"p{i}.param": p.detach() for i, p in enumerate(params)}
    return copies({**live, **named_state(optimizer, params), **dict(leaves(state_of_all(optimizer, params), "state"))})


def copies(live: Mapping[str, Any]) -> Values:
    return {name: v.detach().clone() if isinstance(v, torch.Tensor) else v for name, v in live.items()}


def params_in(values: Values) -> Values:
    """The parameters among named values."""
    return {name: value for name, value in values.items() if name.endswith(".param")}
