"""An update that receives tensors, run on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...scratch_impls import Spec, State, map_state


def on_arrays(spec: Spec, update: Callable[..., Any]) -> Callable[..., Any]:
    """The update of `spec`, with arrays made of its tensors and tensors of its arrays."""

    def array(value: Any) -> Any:
        # A copy: the array under a tensor is its storage, and a formula that writes into it would change the tensor.
        return value.numpy().copy() if isinstance(value, torch.Tensor) else value

    def tensor(value: Any) -> Any:
        return torch.as_tensor(value) if isinstance(value, (np.ndarray, np.generic)) else value

    def update_on_arrays(param: Any, source: Any, state: Any, step: int, **hyper: Any) -> tuple[Any, State]:
        def evaluate(x: Any) -> tuple[Any, Any]:
            loss, gradient = source(tensor(x))
            return loss, array(gradient)

        grad_or_evaluate = evaluate if spec.closure else array(source)
        moved, new = update(array(param), grad_or_evaluate, map_state(state, array), step, **hyper)
        return tensor(moved), map_state(new, tensor)

    return update_on_arrays
