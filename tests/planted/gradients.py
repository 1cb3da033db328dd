"""Gradients that are None or late (T7), and what is mutated or shared (T8)."""

from __future__ import annotations

import torch

from . import bug
from .plain import PlainAdagrad, PlainAdam, PlainAdamW, PlainRMSprop, PlainSGD


@bug("T7", "none-gradients", "DeepSpeed#1823", cause="a gradient that is None is taken for zeros, or the last is kept")
class AdamNoneIsZero(PlainAdam):
    """A gradient that is None is taken for zero."""

    def step_group(self, group):
        for p in group["params"]:
            self.step_one(p, torch.zeros_like(p) if p.grad is None else p.grad, self.state[p], group)


@bug("T7", "late-start", "NorMuon#3")
class SGDStopsAtNone(PlainSGD):
    """The loop ends at the first parameter without a gradient."""

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is None:
                break
            self.step_one(p, p.grad, self.state[p], group)


@bug("T7", "late-start")
class RMSpropNeedsAll(PlainRMSprop):
    """It does nothing unless every parameter has a gradient."""

    def step_group(self, group):
        if all(p.grad is not None for p in group["params"]):
            super().step_group(group)


@bug("T7", "none-gradients", "pytorch#125440")
class AdagradChokesOnNone(PlainAdagrad):
    """p.grad is used without a look."""

    def step_group(self, group):
        for p in group["params"]:
            self.step_one(p, p.grad.detach(), self.state[p], group)


@bug("T7", "none-gradients", "DeepSpeed#8471")
class AdamCountsAbsence(PlainAdam):
    """The step count advances without a gradient too."""

    def step_group(self, group):
        super().step_group(group)
        for p in group["params"]:
            if p.grad is None and self.state[p]:
                self.count(self.state[p])


@bug("T7", "late-parameters")
class AdamLateCount(PlainAdam):
    """The bias correction counts the optimizer's steps, not the parameter's."""

    def step_group(self, group):
        group["t"] = group.get("t", 0) + 1
        super().step_group(group)

    def move(self, p, m, v, step, group):
        super().move(p, m, v, group["t"], group)


@bug("T7", "added-group")
class SGDListsOnce(PlainSGD):
    """The parameters are listed in the constructor, so that groups added later never step."""

    def step_group(self, group):
        if not hasattr(self, "known"):
            self.known = {p for g in self.param_groups for p in g["params"]}
        super().step_group({**group, "params": [p for p in group["params"] if p in self.known]})


@bug("T7", "none-gradients")
class RMSpropMisaligned(PlainRMSprop):
    """State is found by the place among the parameters that have a gradient now."""

    def step_group(self, group):
        ready = [p for p in group["params"] if p.grad is not None]
        for i, p in enumerate(ready):
            self.step_one(p, p.grad, self.state[group["params"][i]], group)


@bug("T7", "frozen")
class AdamWDecaysTheFrozen(PlainAdamW):
    """Parameters without a gradient decay too."""

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is None:
                p.mul_(1 - group["lr"] * group["weight_decay"])
        super().step_group(group)


@bug("T8", "inputs-untouched", "pytorch#12218")
class SGDDecaysTheGradient(PlainSGD):
    """Weight decay is added to p.grad in place."""

    def gradient(self, p, grad, group):
        return grad.add_(p, alpha=group["weight_decay"]) if group["weight_decay"] else super().gradient(p, grad, group)


@bug("T8", "inputs-untouched", "pytorch#126854")
class AdamTurnsTheGradient(PlainAdam):
    """maximize turns p.grad in place."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad.neg_() if group["maximize"] else grad, state, {**group, "maximize": False})


@bug("T8", "inputs-untouched", "pytorch#51794")
class RMSpropClearsTheGradient(PlainRMSprop):
    """The gradient is zeroed after the step."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        grad.zero_()


@bug("T8", "inputs-untouched")
class AdagradDropsTheGradient(PlainAdagrad):
    """p.grad is None after the step."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        p.grad = None


@bug("T8", "no-aliasing", "jettify#55")
class SGDKeepsTheGradient(PlainSGD):
    """The first velocity is p.grad itself."""

    def first(self, grad, group):
        return grad


@bug("T8", "no-aliasing", "pytorch#162359")
class RMSpropSharesByShape(PlainRMSprop):
    """Parameters of equal shape share one average."""

    def start(self, p, state, group):
        super().start(p, state, group)
        self.by_shape = getattr(self, "by_shape", {})
        state["square_avg"] = self.by_shape.setdefault(p.shape, state["square_avg"])


@bug("T8", "options-have-effect")
class AdamOneBuffer(PlainAdam):
    """The maximum and the average are one tensor, so that the maximum never shows."""

    def start(self, p, state, group):
        super().start(p, state, group)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = state["exp_avg_sq"]


@bug("T8", "load-no-aliasing", "pytorch#75224")
class SGDLoadsByReference(PlainSGD):
    """load_state_dict keeps the tensors of the dict that it is given."""

    def load_state_dict(self, state_dict):
        params = [p for group in self.param_groups for p in group["params"]]
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update({k: v for k, v in saved.items() if k != "params"})
        for i, state in state_dict["state"].items():
            self.state[params[i]] = dict(state)


@bug("T8", "load-no-aliasing")
class SGDLoadsTwice(PlainSGD):
    """load_state_dict hands the dict on to torch, and then puts the tensors of the dict in place of torch's copies."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        for i, state in state_dict["state"].items():
            self.state[params[i]].update(state)


@bug("T8", "tensor-lr", "a decay schedule inside the optimizer", supports=("tensor-lr",))
class SGDScalesTheRate(PlainSGD):
    """A learning rate that is a tensor is changed in place."""

    def step_group(self, group):
        super().step_group(group)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].mul_(0.999)


@bug("T7", "frozen")
class AdamStaysFrozen(PlainAdam):
    """What is frozen when it is given never steps."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        frozen = [p for p in self.param_groups[-1]["params"] if not p.requires_grad]
        self.frozen = [*getattr(self, "frozen", []), *frozen]

    def step_one(self, p, grad, state, group):
        if not any(p is other for other in getattr(self, "frozen", [])):
            super().step_one(p, grad, state, group)


@bug("T7", "none-gradients")
class SGDWaitsForTheLast(PlainSGD):
    """With more than one group nothing steps while the last parameter has no gradient."""

    def step(self, closure=None):
        if closure is None and len(self.param_groups) > 1 and self.param_groups[-1]["params"][-1].grad is None:
            return None
        return super().step(closure)


@bug("T8", "no-aliasing")
class AdagradSharesNoGradient(PlainAdagrad):
    """Of parameters whose gradient is one tensor the first alone steps."""

    def step_group(self, group):
        self.seen = set()
        super().step_group(group)

    def step_one(self, p, grad, state, group):
        if grad.data_ptr() not in self.seen or not grad.numel():
            self.seen.add(grad.data_ptr())
            super().step_one(p, grad, state, group)


@bug("T7", "none-gradients", cause="the state is dropped, or fades, while gradients are missing")
class AdamForgetsTheAbsent(PlainAdam):
    """The state of a parameter that had no gradient in nine steps is dropped."""

    limit = 9

    def step_group(self, group):
        for p in group["params"]:
            absent = self.__dict__.setdefault("absent", {})
            absent[p] = absent.get(p, 0) + 1 if p.grad is None else 0
            if absent[p] == self.limit:
                self.state.pop(p, None)
        super().step_group(group)


@bug("T8", "outside-changes")
class SGDKeepsAMaster(PlainSGD):
    """It steps a copy of the parameter that it keeps, and overwrites what anybody else wrote into the parameter."""

    def step_one(self, p, grad, state, group):
        masters = self.__dict__.setdefault("masters", {})
        if p not in masters:
            masters[p] = p.detach().clone()
        super().step_one(masters[p], grad, state, group)
        p.copy_(masters[p])
