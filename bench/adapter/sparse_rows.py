"""The step of a sparse gradient: only the rows that it touches are updated, in the parameter and in its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...scratch_impls import State


def update_touched_rows(
    update: Callable[..., tuple[Any, State]],
    param: torch.Tensor,
    grad: torch.Tensor,
    state: State,
    count: int,
    hyper: dict[str, Any],
) -> None:
    """One step in place: the indices of `grad` select the rows of `param` and of every tensor of `state`.

    update  of a Spec that is `sparse`; it receives those rows alone
    grad    a sparse tensor of the shape of param; a row that it holds twice counts with the sum
    count   the number of this step, from 1
    """
    # An indexed assignment with an index twice is undefined (Tensor.index_put_): one of the two would be lost.
    grad = grad.coalesce()
    touched = tuple(grad.indices())
    rows = {name: value[touched] for name, value in state.items()}
    param[touched], new = update(param[touched], grad.values(), rows, count, **hyper)
    for name, value in new.items():
        state[name][touched] = value
