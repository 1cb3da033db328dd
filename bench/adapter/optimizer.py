"""The optimizer class of a formula that takes one gradient a step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from ...scratch_impls import Spec, State
from .sparse_rows import update_touched_rows


class ScratchOptimizer(Optimizer):
    """Steps every parameter by `spec.update`. Subclasses set `spec`; `as_optimizer` makes them.

    params      tensors, or dicts with "params" and the group's own hyperparameters, as for every torch optimizer
    hyper       the formula's hyperparameters, by torch's keyword names; TypeError for an unknown one,
                ValueError for one out of range
    state       for each parameter: "step" (an int) and what the formula's init returns, under torch's state names

    RuntimeError for a complex parameter, and for a sparse gradient where the formula takes none, as torch's own.
    """

    spec: Spec
    # Execution, not numbers: it stands on the class, so that no state_dict carries it.
    update: Callable[..., tuple[Any, State]]

    def __init__(self, params: Iterable[Any], **hyper: Any) -> None:
        super().__init__(params, self.spec.hyper(**hyper))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        # "param_names" is torch's own entry, of parameters that were given by name (since torch 2.6).
        options = {k: v for k, v in param_group.items() if k not in ("params", "param_names")}
        # For its errors: the base class looks at no value that a group brings.
        self.spec.hyper(**{**self.defaults, **options})
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Unpickling, copying and Optimizer.load_state_dict all end here.
        super().__setstate__(state)
        # torch adds an option of its own, which a group that is added later would be refused for.
        self.defaults = {name: self.defaults[name] for name in self.spec.defaults if name in self.defaults}
        for group in self.param_groups:  # a dict saved by the twin, or by an older version, may lack an option
            for name, default in self.spec.defaults.items():
                group.setdefault(name, default)
            for param in group["params"]:
                self._restore_numbers(param, group)

    def _restore_numbers(self, param: torch.Tensor, group: dict[str, Any]) -> None:
        """State that is a number here is a tensor in what the twin saved, or in what torch has cast."""
        state = self.state.get(param, {})  # of a formula that steps all at once, that of the first
        fresh = self.spec.start(param, {n: group[n] for n in self.spec.defaults}) if state else {}
        for name, value in fresh.items():
            if isinstance(value, (int, float)) and isinstance(state.get(name), torch.Tensor):
                state[name] = state[name].item()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, but the tensors of the dict stay the caller's: torch's own goes on to write into them."""
        super().load_state_dict(copy.deepcopy(state_dict))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step for every parameter that has a gradient; returns what the closure returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        names = tuple(self.spec.defaults)
        for group in self.param_groups:
            hyper = {name: group[name] for name in names}
            for param in group["params"]:
                if param.grad is not None:
                    self._step_one(param, hyper)
        return loss

    def _step_one(self, param: torch.Tensor, hyper: dict[str, Any]) -> None:
        grad = param.grad
        assert grad is not None
        sparse = grad.is_sparse
        # As torch refuses, and for the same reason: the formula would be another one.
        if (sparse and not self.spec.sparse) or param.is_complex():
            kind = "sparse gradients" if sparse else "complex parameters"
            raise RuntimeError(f"{type(self).__name__} does not support {kind}")
        state = self.state[param]
        if not state:
            state.update({"step": 0}, **self.spec.start(param, hyper))
        # A Python number: 1 - 0.999**t from a float32 tensor would be 1.3e-5 off, and a bfloat16 one sticks at 256.
        # torch's own dicts bring a tensor.
        count = state["step"] = int(state.get("step", 0)) + 1
        old = {name: value for name, value in state.items() if name != "step"}
        if sparse:
            update_touched_rows(type(self).update, param, grad, old, count, hyper)
            return
        new_param, new = type(self).update(param, grad, old, count, **hyper)
        # Before the parameter moves: a state that is its first value (MADGRAD's x0) would move with it.
        state.update({name: clone_if_shared(value, param, grad) for name, value in new.items()})
        param.copy_(new_param)


def clone_if_shared(value: Any, *inputs: Any) -> Any:
    """A returned state that is an input, or a view of one, would change with it (a first buffer that is p.grad)."""
    if isinstance(value, torch.Tensor):
        storage = _address(value)
        if any(storage == _address(i) for i in inputs):
            return value.clone()
    return value


def _address(tensor: torch.Tensor) -> int:
    """Where its memory is; a DTensor has none of its own, and this process's part of it has."""
    local: Any = getattr(tensor, "to_local", None)  # by its method: torch.distributed takes half a second to import
    return (local() if local else tensor).untyped_storage().data_ptr()
