"""The optimizer class of a formula that steps several parameters at once, as D-Adaptation does."""

from __future__ import annotations

from typing import Any

import torch

from ...scratch_impls import State
from ...scratch_impls.spec import SHARED
from .optimizer import ScratchOptimizer, clone_if_shared


class ScratchTogetherOptimizer(ScratchOptimizer):
    """Steps the parameters of a group at once; those of all groups, where the formula asks for `overall`.

    state       what they have in common stands under the first parameter as "shared", with a step count of its own, so
                that state_dict and load_state_dict carry it

    RuntimeError where the groups differ in a hyperparameter, and the formula steps all of them.
    """

    def _step_all(self) -> None:
        if not self.spec.overall:
            for group in self.param_groups:
                self._step_group([group])
        else:
            self._step_group(self.param_groups)

    def _step_group(self, groups: list[dict[str, Any]]) -> None:
        params = [p for group in groups for p in group["params"]]
        there = [p for p in params if p.grad is not None]
        if not there:
            return
        hyper = self._hyper_of(groups)
        first, shared = params[0], self._shared(params[0], hyper)
        step = shared["step"] + 1
        grads = tuple(self._gradient(p) for p in there)
        states = tuple(self._counted(p, hyper)[0] for p in there)
        moved, new_states, new = type(self).update(
            tuple(there), grads, tuple({n: v for n, v in s.items() if n != SHARED} for s in states),
            {n: v for n, v in shared.items() if n != "step"}, step, *self.spec.random(hyper, 0, step), **hyper,
        )  # fmt: skip
        # All computed before one is written: what is shared may depend on any.
        for param, value, state, grad in zip(there, moved, new_states, grads, strict=True):
            self._keep(param, state, grad)
            param.copy_(value)
        self.state[first][SHARED] = {"step": step, **{n: clone_if_shared(v, *grads) for n, v in new.items()}}

    def _shared(self, first: torch.Tensor, hyper: dict[str, Any]) -> State:
        """What the parameters have in common, made before the first step."""
        state = self.state[first]
        if SHARED not in state:
            # Beside the parameter's own: it may get its first gradient later.
            state.update({"step": 0, **self.spec.start(first, hyper), **state})
            state[SHARED] = {"step": 0, **self.spec.start_shared(hyper)}
        shared: State = state[SHARED]
        return shared

    def _hyper_of(self, groups: list[dict[str, Any]]) -> dict[str, Any]:
        for name in self.spec.defaults:
            values = [group[name] for group in groups]
            if any(value != values[0] for value in values):
                raise RuntimeError(
                    f"{type(self).__name__} steps all parameters at once: {name} must be the same in every group, and "
                    f"is {', '.join(map(str, values))}"
                )
        return {name: groups[0][name] for name in self.spec.defaults}
