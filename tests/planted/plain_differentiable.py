"""Steps that are differentiated: SGD that takes differentiable=True rightly, and what torch does wrongly with it."""

from __future__ import annotations

import torch

from .plain import Plain, PlainSGD


class DifferentiableSGD(PlainSGD):
    """Right: with differentiable=True nothing is detached, and nothing changed in place that a derivative needs."""

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False,
        differentiable=False,
    ):  # fmt: skip
        Plain.__init__(
            self, params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
            maximize=maximize, differentiable=differentiable,
        )  # fmt: skip

    def step(self, closure=None):
        if not self.defaults["differentiable"]:
            return super().step(closure)
        for group in self.param_groups:
            self.step_group(group)
        return None

    def gradient(self, p, grad, group):
        grad = -grad if group["maximize"] else grad
        return grad + group["weight_decay"] * p.clone()  # p itself is changed in place below

    def step_one(self, p, grad, state, group):
        grad = self.gradient(p, grad, group)
        if group["momentum"]:
            grad = self.velocity(grad, state, group)
        p.sub_(group["lr"] * grad)

    def velocity(self, grad, state, group):
        old = state.get("momentum_buffer")
        new = self.first(grad, group) if old is None else group["momentum"] * old + (1 - group["dampening"]) * grad
        state["momentum_buffer"] = new
        return grad + group["momentum"] * new if group["nesterov"] else new


class SGDDetachesTheFirst(DifferentiableSGD):
    """With differentiable=True the first velocity is a detached gradient."""

    def first(self, grad, group):
        return grad.detach().clone()


class SGDLearnsIntoGradients(DifferentiableSGD):
    """A tensor weight decay is added to p.grad in place."""

    def gradient(self, p, grad, group):
        if isinstance(group["weight_decay"], torch.Tensor):
            return grad.addcmul_(p.clone(), group["weight_decay"])
        return super().gradient(p, grad, group)
