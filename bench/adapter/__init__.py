"""A Spec as a torch.optim.Optimizer: a class that takes the place of torch's own in anybody's training loop."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from ... import scratch_impls
from ...scratch_impls import Spec, State, map_state


class ScratchOptimizer(Optimizer):
    """Steps every parameter by `spec.update`. Subclasses set `spec`; `as_optimizer` makes them.

    params      tensors, or dicts with "params" and the group's own hyperparameters, as for every torch optimizer
    hyper       the formula's hyperparameters, by torch's keyword names; TypeError for an unknown one,
                ValueError for one out of range
    state       for each parameter: "step" (an int) and what the formula's init returns, under torch's state names
    """

    spec: Spec
    # Execution, not numbers: it stands on the class, so that no state_dict carries it.
    update: Callable[..., tuple[Any, State]]

    def __init__(self, params: Iterable[Any], **hyper: Any) -> None:
        super().__init__(params, self.spec.hyper(**hyper))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        names = {k: v for k, v in param_group.items() if k not in ("params", "param_names")}
        self.spec.hyper(**{**self.defaults, **names})
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # torch adds an option of its own, which a group that is added later would be refused for.
        self.defaults = {name: self.defaults[name] for name in self.spec.defaults if name in self.defaults}
        for group in self.param_groups:  # a dict saved by the twin, or by an older version, may lack an option
            for name, default in self.spec.defaults.items():
                group.setdefault(name, default)
            for param in group["params"]:
                self._numbers_again(param, group)

    def _numbers_again(self, param: torch.Tensor, group: dict[str, Any]) -> None:
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
        sparse = param.grad is not None and param.grad.is_sparse
        if (
            sparse and not self.spec.sparse
        ) or param.is_complex():  # as torch refuses, and for the same reason: the formula would be another one
            kind = "sparse gradients" if sparse else "complex parameters"
            raise RuntimeError(f"{type(self).__name__} does not support {kind}")
        state = self.state[param]
        if not state:
            state.update({"step": 0}, **self.spec.start(param, hyper))
        # A Python number: 1 - 0.999**t from a float32 tensor would be 1.3e-5 off. torch's own dicts bring a tensor.
        count = state["step"] = int(state.get("step", 0)) + 1
        old = {name: value for name, value in state.items() if name != "step"}
        if sparse:
            self._scatter(param, old, count, hyper)
            return
        new_param, new = type(self).update(param, param.grad, old, count, **hyper)
        param.copy_(new_param)
        for name, value in new.items():
            state[name] = _own(value, param, param.grad)

    def _scatter(self, param: torch.Tensor, old: State, count: int, hyper: dict[str, Any]) -> None:
        """The step of what a sparse gradient touches: its indices select it in the parameter and in every state."""
        assert param.grad is not None
        gradient = param.grad.coalesce()  # an index that comes twice means the sum
        touched = tuple(gradient.indices())
        gathered = {name: value[touched] for name, value in old.items()}
        param[touched], new = type(self).update(param[touched], gradient.values(), gathered, count, **hyper)
        for name, value in new.items():
            old[name][touched] = value


class ScratchClosureOptimizer(ScratchOptimizer):
    """Steps all parameters as one vector by a formula that evaluates the loss itself, in one group, as torch's LBFGS.

    state       under the first parameter
    """

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError(f"{type(self).__name__} takes one group of parameters: they step as one vector")
        super().add_param_group(param_group)

    def _numbers_again(self, param: torch.Tensor, group: dict[str, Any]) -> None:
        """Its numbers come of tensors, and stay what they were."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """One step; closure clears the gradients, computes them anew and returns the loss. Returns the first loss."""
        group = self.param_groups[0]
        params = group["params"]
        losses: list[Any] = []

        def evaluate(vector: Any) -> tuple[float, Any]:
            self._place(vector, params)
            with torch.enable_grad():
                losses.append(closure())
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
            return float(losses[-1]), self._vector([g.to_dense() if g.is_sparse else g for g in gradients])

        state, vector = self.state[params[0]], self._vector(params)
        hyper = {name: group[name] for name in self.spec.defaults}
        if not state:
            state.update({"step": 0}, **self.spec.start(vector, hyper))
        count = state["step"] = int(state.get("step", 0)) + 1
        old = {name: value for name, value in state.items() if name != "step"}
        vector, new = type(self).update(vector, evaluate, old, count, **hyper)
        self._place(vector, params)
        tensors = [value for value in hyper.values() if isinstance(value, torch.Tensor)]  # an lr that others may change
        state.update({name: _own(value, *tensors) for name, value in new.items()})
        return losses[0]

    def _vector(self, tensors: list[torch.Tensor]) -> Any:
        """A copy of them all in one; a complex number is two real ones, as torch has it."""
        real = [torch.view_as_real(t) if t.is_complex() else t for t in tensors]
        return torch.cat([t.detach().reshape(-1) for t in real])

    def _place(self, vector: Any, params: list[torch.Tensor]) -> None:
        real = [torch.view_as_real(p) if p.is_complex() else p for p in params]
        for p, part in zip(real, vector.split([p.numel() for p in real]), strict=True):
            p.copy_(part.view_as(p))


def _own(value: Any, *inputs: Any) -> Any:
    """A returned state that is an input, or a view of one, would change with it; it is cloned."""
    if isinstance(value, torch.Tensor):
        storage = value.untyped_storage().data_ptr()
        if any(storage == i.untyped_storage().data_ptr() for i in inputs):
            return value.clone()
    return value


def class_name(spec: Spec) -> str:
    return "Scratch" + "".join(part.capitalize() for part in spec.name.split("_"))


def as_optimizer(spec: Spec | str, *, compiled: bool = False) -> type[ScratchOptimizer]:
    """The optimizer class of a Spec, or of the registered optimizer of that name; the same class at every call.

    compiled    run the update through torch.compile (needs a C++ compiler); numbers and state stay the same
    """
    return _class_of(scratch_impls.load(spec) if isinstance(spec, str) else spec, torch.compile if compiled else None)


@functools.cache
def numpy_optimizer(spec: Spec) -> type[ScratchOptimizer]:
    """The formula on the NumPy arrays under the parameters, for comparison only: it copies what it is given."""
    return _class_of(spec, functools.partial(_on_arrays, spec))


def _on_arrays(spec: Spec, update: Callable[..., Any]) -> Callable[..., Any]:
    """The update, with arrays made of its tensors and tensors of its arrays."""

    def given(value: Any) -> Any:
        return value.numpy().copy() if isinstance(value, torch.Tensor) else value

    def made(value: Any) -> Any:
        return torch.as_tensor(value) if isinstance(value, (np.ndarray, np.generic)) else value

    def on_arrays(param: Any, source: Any, state: Any, step: int, **hyper: Any) -> tuple[Any, State]:
        def evaluate(array: Any) -> tuple[Any, Any]:
            loss, gradient = source(made(array))
            return loss, given(gradient)

        moved, new = update(
            given(param), evaluate if spec.closure else given(source), map_state(state, given), step, **hyper
        )
        return made(moved), map_state(new, made)

    return on_arrays


@functools.cache
def _class_of(spec: Spec, execute: Callable[..., Any] | None) -> type[ScratchOptimizer]:
    update = execute(spec.update) if execute else spec.update
    body = {"spec": spec, "update": staticmethod(update), "__module__": __name__, "__doc__": spec.formula}
    base = ScratchClosureOptimizer if spec.closure else ScratchOptimizer
    made = type(class_name(spec), (base,), body)
    params = inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    hyper = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d) for n, d in spec.defaults.items()]
    made.__signature__ = inspect.Signature([params, *hyper])  # type: ignore[attr-defined]
    return made


def __getattr__(name: str) -> Any:
    """ScratchGd, ScratchRmsprop, ...: one class for each file in scratch_impls, so that optimizers pickle by name."""
    for spec in scratch_impls.all_specs() if name.startswith("Scratch") else ():
        if class_name(spec) == name:
            return as_optimizer(spec)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
