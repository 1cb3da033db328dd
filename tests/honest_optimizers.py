"""Right optimizers as strangers write them, whose habits no check may take for a fault. It imports nothing of ours."""

from __future__ import annotations

import copy
import math

import torch
from torch.optim import Optimizer


class IntStepAdam(Optimizer):
    """Adam with its count as a Python int, and the corrections as torch had them before version 1.12."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = torch.zeros_like(p)
                state["step"] += 1
                grad = p.grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else p.grad
                state["exp_avg"].mul_(beta1).add_(grad, alpha=1 - beta1)
                state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                root = math.sqrt(1 - beta2 ** state["step"])
                denominator = (state["exp_avg_sq"].sqrt() / root).add_(group["eps"])
                p.addcdiv_(state["exp_avg"], denominator, value=-group["lr"] / (1 - beta1 ** state["step"]))
        return loss


class Lion(Optimizer):
    """Every element moves by lr, whatever the size of its gradient; torch has no such class."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(m.mul(beta1).add_(p.grad, alpha=1 - beta1).sign_(), alpha=-group["lr"])
                m.lerp_(p.grad, 1 - beta2)
        return loss


class Signum(Optimizer):
    """The sign of the momentum, which an average of the gradients is here."""

    def __init__(self, params, lr=0.01, momentum=0.9, weight_decay=0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                grad = p.grad.add(p, alpha=group["weight_decay"])
                m.mul_(group["momentum"]).add_(grad, alpha=1 - group["momentum"])
                p.sub_(group["lr"] * m.sign())
        return loss


class NamesItsRate(torch.optim.SGD):
    """torch's own with another name for its rate, and one loop."""

    def __init__(self, params, learning_rate=1e-3, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr=learning_rate, momentum=momentum, weight_decay=weight_decay, foreach=False)


class Wrapper(Optimizer):
    """Hands everything on to an optimizer inside, whose groups and state it shares."""

    def __init__(self, params, /, lr=1e-3, momentum=0.0, weight_decay=0.0):
        self.inner = torch.optim.SGD(params, lr, momentum, weight_decay=weight_decay, foreach=False)
        super().__init__(self.inner.param_groups, dict(self.inner.defaults))
        self.share()

    def share(self):
        self.param_groups, self.state = self.inner.param_groups, self.inner.state

    def add_param_group(self, param_group):
        if getattr(self, "param_groups", None) is self.inner.param_groups:
            self.inner.add_param_group(param_group)
        else:  # from the constructor
            super().add_param_group(param_group)

    def step(self, closure=None):
        return self.inner.step(closure)

    def load_state_dict(self, state_dict):
        self.inner.load_state_dict(state_dict)
        self.share()

    def __getstate__(self):
        return {**super().__getstate__(), "inner": self.inner}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.share()


class WideState(Optimizer):
    """RMSprop whose average is float32 where the parameter is narrower, as its author says."""

    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                wide = torch.promote_types(p.dtype, torch.float32)
                v = self.state[p].setdefault("square_avg", torch.zeros_like(p, dtype=wide))
                grad = p.grad.to(wide)
                v.mul_(group["alpha"]).addcmul_(grad, grad, value=1 - group["alpha"])
                p.copy_(p.to(wide).addcdiv_(grad, v.sqrt().add_(group["eps"]), value=-group["lr"]))
        return loss

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)  # which casts to the parameter's format
        ids = [i for group in state_dict["param_groups"] for i in group["params"]]
        params = [p for group in self.param_groups for p in group["params"]]
        for p, i in zip(params, ids, strict=True):
            if i in state_dict["state"]:
                self.state[p]["square_avg"] = state_dict["state"][i]["square_avg"].to(p.device, copy=True)


class OfNoBase:
    """SGD that inherits nothing; its state is a plain dict."""

    def __init__(self, params, lr=1e-3, momentum=0.0):
        self.defaults, self.param_groups, self.state = {"lr": lr, "momentum": momentum}, [], {}
        params = list(params)
        for group in params if params and isinstance(params[0], dict) else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, group):
        given = group["params"]
        given = [given] if isinstance(given, torch.Tensor) else list(given)
        given = [p[1] if isinstance(p, tuple) else p for p in given]
        self.param_groups.append({**self.defaults, **group, "params": given})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad
                if group["momentum"]:
                    grad = grad + group["momentum"] * self.state.get(p, {}).get("momentum_buffer", 0)
                    self.state[p] = {"momentum_buffer": grad.clone()}
                p.add_(grad, alpha=-group["lr"])
        return loss

    def zero_grad(self, set_to_none=True):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else torch.zeros_like(p.grad)

    def state_dict(self):
        places = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [places[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {places[p]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict):
        saved = copy.deepcopy(state_dict)
        params = [p for group in self.param_groups for p in group["params"]]
        for group, theirs in zip(self.param_groups, saved["param_groups"], strict=True):
            group.update({name: value for name, value in theirs.items() if name != "params"})
        self.state = {params[i]: state for i, state in saved["state"].items()}
