"""Mistakes that the check paths must catch."""

from __future__ import annotations

import torch

from ._bug import bug
from .plain import PlainSGD


@bug("T11", "paths", "pytorch#78807", cause="the option foreach is ignored")
class SGDIgnoresForeach(PlainSGD):
    """foreach=True takes the loop."""

    def step_group(self, group):
        super().step_group({**group, "foreach": False})


@bug("T11", "paths", "pytorch#110444")
class SGDForeachWithoutDecay(PlainSGD):
    """foreach=True leaves weight decay out."""

    def gradients(self, params, grads, group):
        return super().gradients(params, grads, {**group, "weight_decay": 0})


@bug("T11", "paths", "kozistr#519")
class SGDForeachTurnsLast(PlainSGD):
    """foreach=True turns the sign after weight decay is added."""

    def gradients(self, params, grads, group):
        grads = super().gradients(params, grads, {**group, "maximize": False})
        return [-g for g in grads] if group["maximize"] else grads


@bug("T11", "paths", "pytorch#119885")
class SGDForeachKeepsGradients(PlainSGD):
    """foreach=True keeps the gradient itself as the first velocity."""

    def velocities(self, params, grads, group):
        fresh = [(p, g) for p, g in zip(params, grads, strict=True) if not self.state[p]]
        found = super().velocities(params, grads, group)
        for p, g in fresh:
            self.state[p]["momentum_buffer"] = g
        return found


@bug("T11", "paths", "bitsandbytes#2010")
class SGDForeachMisaligned(PlainSGD):
    """foreach=True pairs velocities with the wrong gradients once a gradient has been missing."""

    def velocities(self, params, grads, group):
        self.most = max(getattr(self, "most", 0), len(params))
        if len(params) < self.most:
            grads = [g * 0.5 for g in grads]
        return super().velocities(params, grads, group)


@bug("T11", "paths")
class SGDForeachSixteen(PlainSGD):
    """foreach=True steps the first sixteen parameters of a group."""

    def step_foreach(self, params, group):
        super().step_foreach(params[:16], group)


@bug("T11", "paths")
class SGDForeachForgetsLoaded(PlainSGD):
    """foreach=True does without momentum once a state has been loaded."""

    loaded = False

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = True

    def velocities(self, params, grads, group):
        return grads if self.loaded else super().velocities(params, grads, group)


@bug("T11", "paths", quick=False)
class SGDForeachSingleRate(PlainSGD):
    """foreach=True rounds lr to float32 where parameters are float64."""

    def step_foreach(self, params, group):
        super().step_foreach(params, {**group, "lr": float(torch.tensor(group["lr"], dtype=torch.float32))})


@bug("T11", "paths")
class SGDForeachKeepsItsList(PlainSGD):
    """foreach=True steps those parameters that had a gradient in the first step."""

    def step_foreach(self, params, group):
        self.kept = {**{id(group): [id(p) for p in params]}, **getattr(self, "kept", {})}
        super().step_foreach([p for p in params if id(p) in self.kept[id(group)]], group)
