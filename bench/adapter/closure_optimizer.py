"""The optimizer class of a formula that evaluates the loss itself, as L-BFGS does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .optimizer import ScratchOptimizer, clone_if_shared


class ScratchClosureOptimizer(ScratchOptimizer):
    """Steps all parameters as one vector by a formula that evaluates the loss itself, in one group, as torch's LBFGS.

    state       under the first parameter, as torch's LBFGS has it, so that the two can exchange their dicts

    ValueError for a second group.
    """

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError(f"{type(self).__name__} takes one group of parameters: they step as one vector")
        super().add_param_group(param_group)

    def _restore_numbers(self, param: torch.Tensor, group: dict[str, Any]) -> None:
        """Its numbers are computed from tensors (a step length, a curvature) and may be tensors: they stay as saved."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """One step; closure clears the gradients, computes them anew and returns the loss. Returns the first loss."""
        group = self.param_groups[0]
        params = group["params"]
        losses: list[Any] = []

        def evaluate(vector: Any) -> tuple[float, Any]:
            _write_into(params, vector)
            with torch.enable_grad():
                losses.append(closure())
            # None is zero here, as in LBFGS._gather_flat_grad: the vector has a place for every parameter.
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
            return float(losses[-1]), _as_vector([g.to_dense() if g.is_sparse else g for g in gradients])

        state, vector = self.state[params[0]], _as_vector(params)
        hyper = {name: group[name] for name in self.spec.defaults}
        if not state:
            state.update({"step": 0}, **self.spec.start(vector, hyper))
        count = state["step"] = int(state.get("step", 0)) + 1
        old = {name: value for name, value in state.items() if name != "step"}
        vector, new = type(self).update(vector, evaluate, old, count, **hyper)
        # The last trial need not be the point that the search chose.
        _write_into(params, vector)
        tensors = [value for value in hyper.values() if isinstance(value, torch.Tensor)]  # an lr that others may change
        state.update({name: clone_if_shared(value, *tensors) for name, value in new.items()})
        return losses[0]


def _as_vector(tensors: list[torch.Tensor]) -> Any:
    """A copy of them all in one; a complex number is two real ones, as torch has it."""
    real = [torch.view_as_real(t) if t.is_complex() else t for t in tensors]
    return torch.cat([t.detach().reshape(-1) for t in real])


def _write_into(params: list[torch.Tensor], vector: Any) -> None:
    real = [torch.view_as_real(p) if p.is_complex() else p for p in params]
    for p, part in zip(real, vector.split([p.numel() for p in real]), strict=True):
        p.copy_(part.view_as(p))
