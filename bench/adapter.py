"""A Spec as a torch.optim.Optimizer: a class that takes the place of torch's own in anybody's training loop."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from .. import scratch_impls
from ..scratch_impls import Spec, State


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
        for group in self.param_groups:  # a dict saved by the twin, or by an older version, may lack an option
            for name, default in self.spec.defaults.items():
                group.setdefault(name, default)
            for param in group["params"]:
                self._numbers_again(param, group)

    def _numbers_again(self, param: torch.Tensor, group: dict[str, Any]) -> None:
        """State that is a number here is a tensor in what the twin saved, or in what torch has cast."""
        state = self.state.get(param, {})
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
    return _class_of(scratch_impls.load(spec) if isinstance(spec, str) else spec, compiled)


@functools.cache
def _class_of(spec: Spec, compiled: bool) -> type[ScratchOptimizer]:
    update = torch.compile(spec.update) if compiled else spec.update
    body = {"spec": spec, "update": staticmethod(update), "__module__": __name__, "__doc__": spec.formula}
    made = type(class_name(spec), (ScratchOptimizer,), body)
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
