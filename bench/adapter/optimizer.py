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
    update: Callable[..., Any]

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
        self._refuse_to_step_where_it_is_evaluated()
        self._step_all()
        return loss

    def _step_all(self) -> None:
        names = tuple(self.spec.defaults)
        for group in self.param_groups:
            hyper = {name: group[name] for name in names}
            for param in group["params"]:
                if param.grad is not None:
                    self._step_one(param, hyper)

    def _step_one(self, param: torch.Tensor, hyper: dict[str, Any]) -> None:
        grad = self._gradient(param)
        old, count = self._counted(param, hyper)
        if grad.is_sparse:
            update_touched_rows(type(self).update, param, grad, old, count, hyper)
            return
        more = self.spec.random(hyper, self._place(param), count) if self.spec.draws else ()
        new_param, new = type(self).update(param, grad, old, count, *more, **hyper)
        # Before the parameter moves: a state that is its first value (MADGRAD's x0) would move with it.
        self._keep(param, new, grad)
        param.copy_(new_param)

    def _place(self, param: torch.Tensor) -> int:
        """Which of all parameters it is."""
        return next(i for i, p in enumerate(p for group in self.param_groups for p in group["params"]) if p is param)

    def _gradient(self, param: torch.Tensor) -> torch.Tensor:
        """The gradient of a parameter that has one."""
        grad = param.grad
        assert grad is not None
        # As torch refuses, and for the same reason: the formula would be another one.
        if (grad.is_sparse and not self.spec.sparse) or param.is_complex():
            kind = "sparse gradients" if grad.is_sparse else "complex parameters"
            raise RuntimeError(f"{type(self).__name__} does not support {kind}")
        return grad

    def _counted(self, param: torch.Tensor, hyper: dict[str, Any]) -> tuple[State, int]:
        """The state of a parameter that steps once more, and the number of that step."""
        state = self.state[param]
        if not state:
            state.update({"step": 0}, **self.spec.start(param, hyper))
        # A Python number: 1 - 0.999**t from a float32 tensor would be 1.3e-5 off, and a bfloat16 one sticks at 256.
        # torch's own dicts bring a tensor.
        count = state["step"] = int(state.get("step", 0)) + 1
        return {name: value for name, value in state.items() if name != "step"}, count

    def _keep(self, param: torch.Tensor, new: State, grad: torch.Tensor) -> None:
        state = self.state[param]
        for name, value in new.items():
            state[name] = clone_if_shared(value, param, grad)

    @torch.no_grad()
    def eval(self) -> None:
        """Puts every parameter where the method is evaluated, until `train`; nothing where it does not average."""
        for group in self.param_groups if self.spec.evaluation else ():
            hyper = {name: group[name] for name in self.spec.defaults}
            for param in group["params"]:
                state = self.state.get(param)
                if state and TRAINED not in state:
                    evaluated = self.spec.evaluated(param, {n: v for n, v in state.items() if n != "step"}, hyper)
                    # Kept, not computed back: a round trip would leave its rounding in the weights.
                    state[TRAINED] = param.detach().clone()
                    param.copy_(evaluated)

    @torch.no_grad()
    def train(self) -> None:
        """Puts every parameter back where it is trained."""
        for param, state in self.state.items():
            if TRAINED in state:
                param.copy_(state.pop(TRAINED))

    def _refuse_to_step_where_it_is_evaluated(self) -> None:
        if self.spec.evaluation and any(TRAINED in state for state in self.state.values()):
            raise RuntimeError(f"{type(self).__name__}: the parameters are where it is evaluated: call train() first")


# Under this name the state has the point of training while the parameter is where it is evaluated.
TRAINED = "trained"


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
