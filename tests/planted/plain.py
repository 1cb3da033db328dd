"""SGD, Adagrad, RMSprop, Adam, AdamW, SparseAdam and, in a file of its own, L-BFGS as a stranger would write them.

All are right; bugs are their subclasses.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer

from .plain_lbfgs import PlainLBFGS


class Plain(Optimizer):
    """The loop over groups and parameters, sign and weight decay, and the step count.

    twin        the class of torch.optim that it stands for
    shared      check -> why that class fails it too
    """

    twin = ""
    shared = {}  # noqa: RUF012

    def __init__(self, params, **defaults):
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:  # a dict from before a switch existed lacks it, as torch's own classes allow
            for name, default in self.defaults.items():
                if default is False:
                    group.setdefault(name, default)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self.step_group(group)
        return loss

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is not None:
                self.step_one(p, p.grad, self.state[p], group)

    def gradient(self, p, grad, group):
        """What is minimised: a new tensor, or the gradient itself."""
        if group["maximize"]:
            grad = -grad
        if group["weight_decay"]:
            grad = grad.add(p, alpha=group["weight_decay"])
        return grad

    def count(self, state):
        state["step"] = int(state.get("step", 0)) + 1
        return state["step"]


class PlainSGD(Plain):
    twin = "SGD"

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False, foreach=False
    ):
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("nesterov needs momentum and no dampening")
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
            maximize=maximize, foreach=foreach,
        )  # fmt: skip

    def step_group(self, group):
        if group.get("foreach"):
            self.step_foreach([p for p in group["params"] if p.grad is not None], group)
        else:
            super().step_group(group)

    def step_one(self, p, grad, state, group):
        grad = self.gradient(p, grad, group)
        if group["momentum"]:
            grad = self.velocity(grad, state, group)
        p.add_(grad, alpha=-group["lr"])

    def velocity(self, grad, state, group):
        buf = state.get("momentum_buffer")
        if buf is None:
            buf = state["momentum_buffer"] = self.first(grad, group)
        else:
            buf.mul_(group["momentum"]).add_(grad, alpha=1 - group["dampening"])
        return self.look_ahead(grad, buf, group) if group["nesterov"] else buf

    def first(self, grad, group):
        return grad.clone()

    def look_ahead(self, grad, buf, group):
        return grad.add(buf, alpha=group["momentum"])

    def step_foreach(self, params, group):
        if not params:
            return
        grads = self.gradients(params, [p.grad for p in params], group)
        if group["momentum"]:
            grads = self.velocities(params, grads, group)
        torch._foreach_add_(params, grads, alpha=-group["lr"])

    def gradients(self, params, grads, group):
        if group["maximize"]:
            grads = torch._foreach_neg(grads)
        if group["weight_decay"]:
            grads = torch._foreach_add(grads, params, alpha=group["weight_decay"])
        return list(grads)

    def velocities(self, params, grads, group):
        old = [(self.state[p]["momentum_buffer"], g) for p, g in zip(params, grads, strict=True) if self.state[p]]
        if old:
            bufs, news = map(list, zip(*old, strict=True))
            torch._foreach_mul_(bufs, group["momentum"])
            torch._foreach_add_(bufs, news, alpha=1 - group["dampening"])
        for p, g in zip(params, grads, strict=True):
            if not self.state[p]:
                self.state[p]["momentum_buffer"] = g.clone()
        bufs = [self.state[p]["momentum_buffer"] for p in params]
        return torch._foreach_add(grads, bufs, alpha=group["momentum"]) if group["nesterov"] else bufs


class PlainAdagrad(Plain):
    twin = "Adagrad"
    shared = {"state-made-early": "the step that makes the state counts for lr_decay"}  # noqa: RUF012

    def __init__(
        self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, *, maximize=False
    ):
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, maximize=maximize,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip

    def step_one(self, p, grad, state, group):
        if not state:
            state["sum"] = self.start(p, group)
        step = self.count(state)
        grad = self.gradient(p, grad, group)
        self.accumulate(state["sum"], grad, p, group)
        p.addcdiv_(grad, self.root(state["sum"], group), value=-self.rate(step, group))

    def start(self, p, group):
        return torch.full_like(p, group["initial_accumulator_value"])

    def accumulate(self, total, grad, p, group):
        total.addcmul_(grad, grad)

    def rate(self, step, group):
        return group["lr"] / (1 + (step - 1) * group["lr_decay"])

    def root(self, total, group):
        return total.sqrt().add_(group["eps"])


class PlainRMSprop(Plain):
    twin = "RMSprop"
    shared = {"constant-gradients": "v - m^2 rounds below 0"}  # noqa: RUF012

    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, *, maximize=False
    ):
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered,
            maximize=maximize,
        )  # fmt: skip

    def step_one(self, p, grad, state, group):
        grad = self.gradient(p, grad, group)
        if "square_avg" not in state:
            self.start(p, state, group)
        self.count(state)
        self.average(state, grad, group)
        self.move(p, grad, self.root(self.variance(state, group), group), state, group)

    def start(self, p, state, group):
        state["square_avg"] = torch.zeros_like(p)
        if group["centered"]:
            state["grad_avg"] = torch.zeros_like(p)
        if group["momentum"]:
            state["momentum_buffer"] = torch.zeros_like(p)

    def average(self, state, grad, group):
        alpha = group["alpha"]
        state["square_avg"].mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            state["grad_avg"].mul_(alpha).add_(grad, alpha=1 - alpha)

    def variance(self, state, group):
        v = state["square_avg"]
        return v - state["grad_avg"] ** 2 if group["centered"] else v

    def root(self, v, group):
        return v.sqrt().add_(group["eps"])

    def move(self, p, grad, root, state, group):
        if group["momentum"]:
            buf = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, root)
            p.add_(buf, alpha=-group["lr"])
        else:
            p.addcdiv_(grad, root, value=-group["lr"])


class PlainAdam(Plain):
    twin = "Adam"

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, maximize=False,
        decoupled_weight_decay=False,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip

    def step_one(self, p, grad, state, group):
        if "exp_avg" not in state:
            self.start(p, state, group)
        step = self.count(state)
        grad = self.decayed(p, grad, group)
        self.average(state, grad, group)
        v = self.maximum(state, step, group) if group["amsgrad"] else state["exp_avg_sq"]
        self.move(p, state["exp_avg"], v, step, group)

    def start(self, p, state, group):
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = torch.zeros_like(p)

    def decayed(self, p, grad, group):
        if not group["decoupled_weight_decay"]:
            return self.gradient(p, grad, group)
        p.mul_(1 - group["lr"] * group["weight_decay"])
        return -grad if group["maximize"] else grad

    def average(self, state, grad, group):
        beta1, beta2 = group["betas"]
        state["exp_avg"].mul_(beta1).add_(grad, alpha=1 - beta1)
        state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)

    def maximum(self, state, step, group):
        return torch.maximum(state["max_exp_avg_sq"], state["exp_avg_sq"], out=state["max_exp_avg_sq"])

    def move(self, p, m, v, step, group):
        first, second = (1 - beta**step for beta in group["betas"])
        p.addcdiv_(m, self.root(v, second, group), value=-group["lr"] / first)

    def root(self, v, correction, group):
        return (v / correction).sqrt_().add_(group["eps"])


class PlainAdamW(PlainAdam):
    twin = "AdamW"

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *, maximize=False
    ):
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
            decoupled_weight_decay=True,
        )  # fmt: skip


class PlainSparseAdam(Plain):
    """It refuses dense gradients, as torch's."""

    twin = "SparseAdam"

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        super().__init__(params, lr=lr, betas=betas, eps=eps, maximize=maximize)

    def step_one(self, p, grad, state, group):
        if not grad.is_sparse:
            raise RuntimeError("dense gradients are not for this class")
        if not state:
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
        step = self.count(state)
        grad = (-grad if group["maximize"] else grad).coalesce()
        rows = tuple(grad.indices())
        self.rest(p, rows, state, group)
        beta1, beta2 = group["betas"]
        m = state["exp_avg"][rows] * beta1 + grad.values() * (1 - beta1)
        v = state["exp_avg_sq"][rows] * beta2 + grad.values() ** 2 * (1 - beta2)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = m, v
        self.move(p, rows, m, v, step, group)

    def rest(self, p, rows, state, group):
        """What becomes of the other rows: nothing."""

    def move(self, p, rows, m, v, step, group):
        first, second = (1 - beta**step for beta in group["betas"])
        p[rows] -= group["lr"] * second**0.5 / first * m / (v.sqrt() + group["eps"])


PLAIN = (PlainSGD, PlainAdagrad, PlainRMSprop, PlainAdam, PlainAdamW, PlainLBFGS, PlainSparseAdam)
