"""Options of a constructor: which one is the learning rate, and another value that an option takes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import torch

from ..context import Context
from .state import groups_of


def learning_rate_option(context: Context, hyper: Mapping[str, Any]) -> str:
    """What the constructor calls the groups' learning rate: lr, or learning_rate and the like; "" where it has none."""
    if "lr" in context.subject.options or "lr" in hyper:
        return "lr"
    for name, default in context.subject.options.items():
        if isinstance(default, float) and default:
            value = hyper.get(name, default)
            rate = _group_lr(context, hyper)
            with contextlib.suppress(Exception):  # half of it is out of range: then it is no learning rate
                # Two values: an eps that happens to be as large as the rate must not be taken for it.
                if (rate, _group_lr(context, {**hyper, name: value / 2})) == (value, value / 2):
                    return name
    return ""


def _group_lr(context: Context, hyper: Mapping[str, Any]) -> Any:
    p = torch.nn.Parameter(torch.zeros(context.seen.fit((1,))))
    return groups_of(context.build([p], **hyper))[0].get("lr")


_OTHER = {"eps": 0.1, "weight_decay": 0.3}  # half of a tiny or absent value would not be seen


def other_value(name: str, value: Any) -> Any:
    """Another value that an option takes where it takes this one: half of it; None for what is no such number."""
    if name in _OTHER:
        return _OTHER[name]
    if isinstance(value, float):
        return value / 2
    numbers = isinstance(value, (tuple, list)) and value and all(isinstance(part, float) for part in value)
    return tuple(part / 2 for part in value) if numbers else None
