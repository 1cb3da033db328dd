"""Classes that are wrong and whose mistake has a name: what is said of each must be that, and nothing else.

All seen in the wild, in optimizers that other people published, and rewritten here in a few lines each. A class stands
for its kind: test_causes_in_the_wild.py has what must be said of each, and one like it of which that must not be said.
"""

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


class AdamRule(Rule):
    """Adam; `adam` is its step from a gradient that has all that is added to it."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        state["step"] = state.get("step", 0) + 1
        self.adam(p, g + group["weight_decay"] * p, state, state["step"], group)

    def adam(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        m = state["exp_avg"] = b1 * state.get("exp_avg", 0 * g) + (1 - b1) * g
        v = state["exp_avg_sq"] = b2 * state.get("exp_avg_sq", 0 * g) + (1 - b2) * g * g
        p.sub_(group["lr"] * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + group["eps"]))


# 19. A wrong convention beside float32


class DecoupledInFloat32(AdamRule):
    """Weight decay is decoupled, and all is computed in float32 whatever the parameter's format."""

    def update(self, p, g, state, group):
        t = state["step"] = state.get("step", 0) + 1
        wide = p.float() * (1 - group["lr"] * group["weight_decay"])
        self.adam(wide, g.float(), state, t, group)
        p.copy_(wide)


# 20. eps of Adafactor


class AddedEps(Rule):
    """Adafactor that adds eps[0]^2 to g^2, as its paper does, where torch bounds the averages by it from below."""

    def __init__(self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0):
        super().__init__(params, dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d))

    def update(self, p, g, state, group):
        eps, t = group["eps"][0] or torch.finfo(p.dtype).eps, state.get("step", 0) + 1
        state["step"], b, square = t, t ** group["beta2_decay"], g * g + eps * eps
        matrix = {"row_var": square.mean(-1, True), "col_var": square.mean(-2, True)} if g.dim() > 1 else {}
        for name, mean in (matrix or {"variance": square}).items():
            state[name] = (1 - b) * state.get(name, 0 * mean) + b * mean
        if g.dim() > 1:
            u = g * (state["row_var"] / state["row_var"].mean(-2, True)).rsqrt() * state["col_var"].rsqrt()
        else:
            u = g / state["variance"].sqrt()
        a = max(group["eps"][1], p.square().mean().sqrt().item()) * min(group["lr"], 1 / t**0.5)
        p.sub_(a / max(1, u.square().mean().sqrt().item() / group["d"]) * u)


# 21. No number, for another reason


class NoSquare(Rule):
    """RMSprop that averages the gradient where its square belongs, and takes the root of that."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8):
        super().__init__(params, dict(lr=lr, alpha=alpha, eps=eps))

    def update(self, p, g, state, group):
        v = state["square_avg"] = group["alpha"] * state.get("square_avg", 0 * p) + (1 - group["alpha"]) * g
        p.sub_(group["lr"] * g / (v.sqrt() + group["eps"]))


class CenteredBySum(Rule):
    """RMSprop whose centered form subtracts the square of a sum of gradients, where an average belongs."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, centered=False):
        super().__init__(params, dict(lr=lr, alpha=alpha, eps=eps, centered=centered))

    def update(self, p, g, state, group):
        a, v = group["alpha"], state.get("square_avg", 0 * p)
        v = state["square_avg"] = a * v + (1 - a) * g * g
        if group["centered"]:
            m = state["grad_avg"] = a * state.get("grad_avg", 0 * p) + g
            v = v - m * m
        p.sub_(group["lr"] * g / (v.sqrt() + group["eps"]))


class Overflow(Rule):
    """The tenth root of an average of tenth powers: from gradients of 1e4 that average is inf, and so is its state."""

    def __init__(self, params, lr=1e-2, eps=1e-8):
        super().__init__(params, dict(lr=lr, eps=eps))

    def update(self, p, g, state, group):
        v = state["power_avg"] = 0.9 * state.get("power_avg", 0 * p) + 0.1 * g.abs() ** 10
        p.sub_(group["lr"] * g / (v**0.1 + group["eps"]))


# 22. One mistake, many headlines


class DecayIntoGradient(Rule):
    """SGD that adds weight decay to p.grad itself."""

    def __init__(self, params, lr=1e-3, momentum=0, weight_decay=0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        if group["weight_decay"]:
            g.add_(p, alpha=group["weight_decay"])
        if group["momentum"]:
            old = state.get("momentum_buffer")
            g = state["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
        p.sub_(group["lr"] * g)


class NormalisedGradient(AdamRule):
    """Adam that writes the step into p.grad to save memory."""

    def adam(self, p, g, state, t, group):
        b1, b2 = group["betas"]
        m = state["exp_avg"] = b1 * state.get("exp_avg", 0 * g) + (1 - b1) * g
        v = state["exp_avg_sq"] = b2 * state.get("exp_avg_sq", 0 * g) + (1 - b2) * g * g
        p.grad.copy_(m / (1 - b1**t) / ((v / (1 - b2**t)).sqrt() + group["eps"]))
        p.sub_(group["lr"] * p.grad)


# 23. A step count for a group


class SharedCount(AdamRule):
    """Adam whose group counts the steps, for all its parameters, with or without a gradient."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["step"] = group.get("step", 0) + 1
        return super().step(closure)

    def update(self, p, g, state, group):
        self.adam(p, g + group["weight_decay"] * p, state, group["step"], group)


# 24. Momentum


class MomentumRule(Rule):
    """SGD with momentum, and Nesterov's by `ahead`."""

    def __init__(self, params, lr=1e-3, momentum=0, nesterov=False):
        super().__init__(params, dict(lr=lr, momentum=momentum, nesterov=nesterov))

    def update(self, p, g, state, group):
        if mu := group["momentum"]:
            old = state.get("momentum_buffer")
            buffer = state["momentum_buffer"] = self.first(g, mu) if old is None else mu * old + g
            g = self.ahead(g, buffer, mu) if group["nesterov"] else buffer
        p.sub_(group["lr"] * g)

    def first(self, g, mu):
        return g.clone()

    def ahead(self, g, buffer, mu):
        return g + mu * buffer


class NesterovSign(MomentumRule):
    """The look-ahead is subtracted."""

    def ahead(self, g, buffer, mu):
        return g - mu * buffer


class NesterovFull(MomentumRule):
    """The look-ahead lacks the factor of momentum."""

    def ahead(self, g, buffer, mu):
        return g + buffer


class FirstDampened(MomentumRule):
    """The first buffer is (1 - momentum) g, the others are sums."""

    def first(self, g, mu):
        return (1 - mu) * g


class FirstZero(MomentumRule):
    """The first buffer is left at 0: the first gradient is used once and not remembered."""

    def update(self, p, g, state, group):
        if group["momentum"] and "momentum_buffer" not in state:
            state["momentum_buffer"] = 0 * g
            p.sub_(group["lr"] * g)
        else:
            super().update(p, g, state, group)


class NesterovBetween(MomentumRule):
    """The look-ahead is interpolated between the gradient and the sum."""

    def ahead(self, g, buffer, mu):
        return (1 - mu) * g + mu * buffer
