"""An update that receives tensors, run on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...scratch_impls import Spec, map_state


def on_arrays(spec: Spec, update: Callable[..., Any]) -> Callable[..., Any]:
    """The update of `spec`, with arrays made of its tensors and tensors of its arrays."""

    def array(value: Any) -> Any:
        # A copy: the array under a tensor is its storage, and a formula that writes into it would change the tensor.
        return value.numpy().copy() if isinstance(value, torch.Tensor) else value

    def tensor(value: Any) -> Any:
        return torch.as_tensor(value) if isinstance(value, (np.ndarray, np.generic)) else value

    def update_on_arrays(param: Any, source: Any, state: Any, *more: Any, **hyper: Any) -> tuple[Any, ...]:
        def evaluate(x: Any) -> tuple[Any, Any]:
            loss, gradient = source(tensor(x))
            return loss, array(gradient)

        given = [evaluate if spec.closure and one is source else _each(one, array) for one in (param, source, state)]
        made = update(*given, *(_each(one, array) if isinstance(one, dict) else one for one in more), **hyper)
        return tuple(_each(one, tensor) for one in made)

    return update_on_arrays


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """A parameter or a state, or a tuple of those of several, with every array changed."""
    if isinstance(value, tuple):
        return tuple(_each(one, change) for one in value)
    return map_state(value, change) if isinstance(value, dict) else change(value)
