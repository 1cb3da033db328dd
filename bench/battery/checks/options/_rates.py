"""The learning rate that a group holds: a number, a tensor or nothing, and the ways in which somebody sets another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...context import Context, parameters
from ...result import NotApplicable
from ..state import groups_of

Group = dict[str, Any]
INSTEAD_OF_NONE = 0.01  # for a constructor whose lr is None, and which also takes a number


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to set a group's rate.

    said        in messages: group["lr"] ... 0
    tenth       the same of a tenth of the rate
    ignored     the cause, where a rate that is set so is not used; "" where the usual ones say more
    """

    set: Callable[[Group, float], Any]
    said: str
    tenth: str
    ignored: str = ""


def _another_tensor(group: Group, rate: float) -> None:
    group["lr"] = torch.full_like(group["lr"], rate) if isinstance(group["lr"], torch.Tensor) else torch.tensor(rate)


WAYS = {
    "number": Way(set=lambda group, rate: group.update(lr=rate), said="set to", tenth="divided by 10"),
    "number for a tensor": Way(
        set=lambda group, rate: group.update(lr=rate), said="holds a tensor, and is set to the number",
        tenth="holds a tensor, and is set to a number, a tenth of it,",
        ignored='a number set as group["lr"] is ignored',
    ),
    "another tensor": Way(
        set=_another_tensor, said="holds a tensor, and is set to another tensor of",
        tenth="holds a tensor, and is set to another, of a tenth,",
        ignored='another tensor set as group["lr"] is ignored',
    ),
    "tensor filled": Way(  # as torch's schedulers do (lr_scheduler._update_param_group_val)
        set=lambda group, rate: group["lr"].fill_(rate), said="holds a tensor, and is filled with",
        tenth="holds a tensor, and is filled with a tenth",
        ignored='a tensor in group["lr"] that is filled in place is ignored',
    ),
}  # fmt: skip


def ways_of(context: Context, hyper: Mapping[str, Any]) -> Iterator[str]:
    """The names of the ways that fit what the groups hold. NotApplicable where that is no rate."""
    rate = _group_rate(context, rate_hyper(context, hyper) if context.asks("0.3") else hyper)
    if context.asks("0.3") and isinstance(rate, torch.Tensor) and rate.numel() == 1 and float(rate):
        yield from ("number for a tensor", "another tensor", "tensor filled")
    elif isinstance(rate, (int, float)) and rate:
        yield "number"
    else:
        raise NotApplicable(f'its group["lr"] is {rate!r}, not a number that a schedule could change')


def rate_hyper(context: Context, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters, with a number for lr where the groups hold None and the constructor takes one."""
    if _group_rate(context, hyper) is not None or "lr" not in context.subject.options:
        return dict(hyper)
    given = {**hyper, "lr": INSTEAD_OF_NONE}
    try:
        return given if _group_rate(context, given) is not None else dict(hyper)
    except Exception:  # it takes none beside the others, as Adafactor beside relative_step
        return dict(hyper)


def _group_rate(context: Context, hyper: Mapping[str, Any]) -> Any:
    params = parameters(context.seed, dtype=context.dtypes[0], device=context.device)
    return groups_of(context.build(params, **hyper))[0].get("lr")
