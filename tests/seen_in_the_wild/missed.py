"""Classes that are wrong, and passed once, or whose mistake no check named. Kinds seen in the wild.

The numbers are those of the kinds; tests/test_missed_in_the_wild.py has the verdict of each.
"""

from __future__ import annotations

import torch
from torch.optim import Optimizer


class Rule(Optimizer):
    """Steps each parameter that has a gradient by `update`; the options stand in the groups."""

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group)
        return loss


# 13. A group's own value of an option that the groups do not hold


class GroupMaximize(Rule):
    """SGD: maximize is read from the optimizer, so {"params": ..., "maximize": True} is taken and ignored.

    Right verdict: groups fails: the group's own maximize is not used.
    """

    def __init__(self, params, lr=1e-3, weight_decay=0, maximize=False):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))
        self.defaults["maximize"] = maximize  # which a copy takes along

    def update(self, p, g, state, group):
        g = -g if self.defaults["maximize"] else g
        p.sub_(group["lr"] * (g + group["weight_decay"] * p))


class GroupMomentum(Rule):
    """SGD: the group holds the momentum as one of two betas, and a group's own momentum is taken and ignored.

    Right verdict: groups fails: the group's own momentum is not used (or option-change: a change of momentum in the
        group is ignored).
    """

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, beta=(momentum, 0.0)))

    def update(self, p, g, state, group):
        if mu := group["beta"][0]:
            old = state.get("momentum_buffer")
            g = state["momentum_buffer"] = g.clone() if old is None else mu * old + g
        p.sub_(group["lr"] * g)


class GroupAlpha(Rule):
    """RMSprop: the group holds alpha as the second of two betas, and a group's own alpha is taken and ignored.

    Right verdict: groups fails: the group's own alpha is not used.
    """

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8):
        super().__init__(params, dict(lr=lr, beta=(0.0, alpha), eps=eps))

    def update(self, p, g, state, group):
        a = group["beta"][1]
        v = state["square_avg"] = a * state.get("square_avg", 0 * p) + (1 - a) * g * g
        p.sub_(group["lr"] * g / (v.sqrt() + group["eps"]))


class GroupBetas(Rule):
    """Adam: the group holds beta1 and beta2, and a group's own betas are taken and ignored.

    Right verdict: groups fails: the group's own betas are not used.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, dict(lr=lr, beta1=betas[0], beta2=betas[1], eps=eps))

    def update(self, p, g, state, group):
        b1, b2, zero = group["beta1"], group["beta2"], torch.zeros_like(p)
        t = state["step"] = state.get("step", 0) + 1
        m = state["exp_avg"] = b1 * state.get("exp_avg", zero) + (1 - b1) * g
        v = state["exp_avg_sq"] = b2 * state.get("exp_avg_sq", zero) + (1 - b2) * g * g
        p.sub_(group["lr"] * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + group["eps"]))


# 14. A group's own lr that is ignored, where lr was no number when the optimizer was made


class TensorRate(Rule):
    """SGD that makes every group's lr a tensor; a number that somebody sets in its place later is ignored.

    Right verdict: learning-rate-change fails: a number set as group["lr"] is ignored (a class that refuses it with an
        error does not apply).
    """

    def __init__(self, params, lr=1e-3, weight_decay=0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group["lr"] = group["first_lr"] = torch.as_tensor(group["lr"])

    def update(self, p, g, state, group):
        lr = group["lr"] if isinstance(group["lr"], torch.Tensor) else group["first_lr"]
        p.sub_(lr * (g + group["weight_decay"] * p))


class RelativeRate(Rule):
    """Without lr the step is 1 / sqrt(t) of 1e-2, and then a group's own lr is ignored.

    Right verdict: groups fails: the group's own lr is not used where the constructor got none.
    """

    def __init__(self, params, lr=None, weight_decay=0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        t = state["step"] = state.get("step", 0) + 1
        lr = 1e-2 / t**0.5 if self.defaults["lr"] is None else group["lr"]
        p.sub_(lr * (g.sign() + group["weight_decay"] * p))


# 15. What is lost behind a check that stops early


class Schedule:
    """A plain object in a group, which torch.load(weights_only=True) refuses."""

    def __eq__(self, other):
        return isinstance(other, Schedule)


class StartsAnew(Rule):
    """SGD whose first step after loading starts the momentum anew, since `first` is no state; a group holds an object.

    Right verdict: save-load says both: torch.load(weights_only=True) refuses it, and, loaded without, the first step
        forgets the velocity.
    """

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum, schedule=Schedule()))
        self.first = True

    def __getstate__(self):  # so that a copy is one
        return {**super().__getstate__(), "first": self.first}

    def step(self, closure=None):
        loss = super().step(closure)
        self.first = False
        return loss

    def update(self, p, g, state, group):
        if group["momentum"]:
            g = state["velocity"] = g.clone() if self.first or not state else group["momentum"] * state["velocity"] + g
        p.sub_(group["lr"] * g)


class WideState(Rule):
    """SGD with momentum in float32 whatever the parameter's format; loading casts it, and adds an option to the group.

    Right verdict: bfloat16-save-load names the state that is float32 before and bfloat16 after loading; a new option
        of the group does not end the comparison.
    """

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("version", 2)

    def update(self, p, g, state, group):
        wide = torch.promote_types(p.dtype, torch.float32)
        g = g.to(wide)
        if group["momentum"]:
            old = state.get("momentum_buffer")
            g = state["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
        p.copy_(p.to(wide) - group["lr"] * g)


# 16. What the foreach path alone does


class ForeachRule(Rule):
    """SGD with both paths; `update_all` steps the parameters of a group that have a gradient."""

    def __init__(self, params, lr=1e-3, weight_decay=0, foreach=False):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, foreach=foreach))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            some = [p for p in group["params"] if p.grad is not None]
            if group["foreach"]:
                self.update_all(some, [p.grad for p in some], group)
            for p in [] if group["foreach"] else some:
                p.sub_(group["lr"] * (p.grad + group["weight_decay"] * p))
        return loss


class ForeachEmptyGroup(ForeachRule):
    """With foreach=True a group in which no parameter has a gradient raises.

    Right verdict: paths fails with foreach=True: a group without any gradient raises.
    """

    def update_all(self, params, grads, group):
        update = torch._foreach_mul(params, group["weight_decay"])
        torch._foreach_add_(update, grads)
        torch._foreach_add_(params, update, alpha=-group["lr"])


class ForeachGradients(ForeachRule):
    """With foreach=True p.grad is scaled by lr in place.

    Right verdict: paths (or inputs-untouched) fails with foreach=True: p.grad is changed in place.
    """

    def update_all(self, params, grads, group):
        if params:
            torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_mul_(grads, group["lr"])
            torch._foreach_sub_(params, grads)


# 17. The length of steps under constant gradients


class RootOfRoot(Rule):
    """Adam whose option bounded keeps the maximum of the root and then takes the root again.

    Right verdict: constant-gradients fails with bounded=True: its steps grow with the gradient, those without it (and
        the reference's with amsgrad) do not.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, bounded=False):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, bounded=bounded))

    def update(self, p, g, state, group):
        (b1, b2), zero = group["betas"], torch.zeros_like(p)
        t = state["step"] = state.get("step", 0) + 1
        m = state["exp_avg"] = b1 * state.get("exp_avg", zero) + (1 - b1) * g
        v = state["exp_avg_sq"] = b2 * state.get("exp_avg_sq", zero) + (1 - b2) * g * g
        if group["bounded"]:
            v = state["max"] = torch.maximum(state.get("max", zero), v.sqrt())
        p.sub_(group["lr"] * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + group["eps"]))


class SkipsEqual(Rule):
    """SGD with momentum that leaves the velocity as it is when a gradient comes a second time.

    Right verdict: constant-gradients fails: step 2 is 1 lr g long, the reference's 1.9 lr g.
    """

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    def update(self, p, g, state, group):
        if group["momentum"]:
            old, last = state.get("momentum_buffer"), state.get("last")
            state["last"] = g.sum().item()
            if last != state["last"]:
                state["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
            g = state["momentum_buffer"]
        p.sub_(group["lr"] * g)


# 18. Motion at lr = 0


class DualAveraging(Rule):
    """The reference: at lr=0 it stays but for one rounding, since it goes from x to 0.9 x + 0.1 z."""

    def __init__(self, params, lr=1e-2):
        super().__init__(params, dict(lr=lr))

    def update(self, p, g, state, group, extra=0.0):
        start = state.setdefault("start", p.clone())
        total = state["sum"] = state.get("sum", 0 * p) + (group["lr"] + extra) * g
        p.copy_(0.9 * p + 0.1 * (start - total))


class MovesAtZero(DualAveraging):
    """The same with eps, 1e-4, added to lr: at lr=0 it moves by 1e-5.

    Right verdict: learning-rate-change fails: at lr=0 it moves a hundred times as far as the reference, which moves
        by one rounding.
    """

    def update(self, p, g, state, group):
        super().update(p, g, state, group, extra=1e-4)
