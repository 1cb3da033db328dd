"""Classes that are right, in ways that torch's own are not. Each must pass, or be told what does not apply.

All seen in the wild, in optimizers that other people published, and rewritten here in a few lines each. A class stands
for its kind: test_false_accusations.py has the verdict of each, and a twin of each that is wrong.
"""

import functools
from typing import NamedTuple

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


# 1. What stands where torch has a dict


class TupleState(Rule):
    """SGD with momentum whose state of a parameter is a tuple."""

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    def update(self, p, g, state, group):
        if group["momentum"]:
            g = group["momentum"] * state[0] + g if state else g.clone()
            self.state[p] = (g,)
        p.sub_(group["lr"] * g)


class Velocity(NamedTuple):
    momentum_buffer: torch.Tensor


class NamedTupleState(Rule):
    """The same with a NamedTuple under torch's name, saved as a plain tuple."""

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    def update(self, p, g, state, group):
        if group["momentum"]:
            g = group["momentum"] * state.momentum_buffer + g if state else g.clone()
            self.state[p] = Velocity(g)
        p.sub_(group["lr"] * g)

    def state_dict(self):
        saved = super().state_dict()
        return {**saved, "state": {i: tuple(state) for i, state in saved["state"].items()}}

    def load_state_dict(self, state_dict):
        super().load_state_dict({**state_dict, "state": {i: tuple(s) for i, s in state_dict["state"].items()}})
        self.state.update({p: Velocity(*state) for p, state in self.state.items() if state})


class TupleGroups(Rule):
    """SGD whose groups are tuples of parameters: it takes no dicts, and all have the constructor's options."""

    def __init__(self, params, lr=1e-3, weight_decay=0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))
        self.param_groups = [tuple(self.param_groups[0]["params"])]

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for p in self.param_groups[0]:
            if p.grad is not None:
                p.sub_(self.defaults["lr"] * (p.grad + self.defaults["weight_decay"] * p))
        return loss

    def zero_grad(self, set_to_none=True):
        for p in self.param_groups[0]:
            p.grad = None if set_to_none or p.grad is None else p.grad.zero_()

    def add_param_group(self, param_group):
        if self.param_groups:
            raise TypeError("parameters, not groups of them")
        super().add_param_group(param_group)

    def state_dict(self):
        return {"state": {}, "param_groups": [dict(self.defaults)]}

    def load_state_dict(self, state_dict):
        self.defaults = dict(state_dict["param_groups"][0])


# 2. No learning rate


class RateOfNone(Rule):
    """SGD whose group["lr"] is None, which means 1e-3, until somebody sets a number."""

    def __init__(self, params, weight_decay=0):
        super().__init__(params, dict(lr=None, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        lr = 1e-3 if group["lr"] is None else group["lr"]
        p.sub_(lr * (g + group["weight_decay"] * p))


class RelativeStep(Rule):
    """Adafactor with lr=None: the step is relative to the parameter and to 1 / sqrt(t), at most 1e-2."""

    def __init__(self, params, beta2_decay=-0.8, d=1.0):
        super().__init__(params, dict(lr=None, beta2_decay=beta2_decay, d=d))

    def update(self, p, g, state, group):
        eps, t = torch.finfo(p.dtype).eps, state.get("step", 0) + 1
        state["step"], b = t, t ** group["beta2_decay"]
        matrix = {"row_var": (g * g).mean(-1, True), "col_var": (g * g).mean(-2, True)} if g.dim() > 1 else {}
        for name, mean in (matrix or {"variance": g * g}).items():
            state[name] = (1 - b) * state.get(name, 0 * mean) + b * mean
        if g.dim() > 1:
            r, c = state["row_var"], state["col_var"]
            v = r * c / r.mean(-2, True).clamp(min=eps)
        else:
            v = state["variance"]
        u = g / v.clamp(min=eps * eps).sqrt()
        rate = 1e-2 if group["lr"] is None else group["lr"]
        a = max(1e-3, p.square().mean().sqrt().item()) * min(rate, 1 / t**0.5)
        p.sub_(a / max(1, u.square().mean().sqrt().item() / group["d"]) * u)


# 3. State of other shapes


class NestedState(Rule):
    """SGD with momentum that keeps a dict of buffers (here one) under torch's name."""

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    def update(self, p, g, state, group):
        if group["momentum"]:
            buffers = state.setdefault("momentum_buffer", {})
            g = buffers["slow"] = group["momentum"] * buffers["slow"] + g if buffers else g.clone()
        p.sub_(group["lr"] * g)


class StringKey(Rule):
    """SGD with momentum that also keeps a tensor for all parameters, the count of steps, under a name in its state."""

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))
        self.state["count"] = torch.zeros(1)

    def step(self, closure=None):
        self.state["count"] += 1
        return super().step(closure)

    def update(self, p, g, state, group):
        if group["momentum"]:
            old = state.get("momentum_buffer")
            g = state["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
        p.sub_(group["lr"] * g)


# 4. Three betas


class ThreeBetas(Rule):
    """Adan: averages of the gradient, of its change and of the square of both."""

    def __init__(self, params, lr=1e-3, betas=(0.98, 0.92, 0.99), eps=1e-8):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

    def update(self, p, g, state, group):
        b1, b2, b3 = group["betas"]
        t = state["step"] = state.get("step", 0) + 1
        change = g - state.get("last", g)
        state["last"] = g.clone()
        zero = torch.zeros_like(p)
        m = state["m"] = b1 * state.get("m", zero) + (1 - b1) * g
        d = state["d"] = b2 * state.get("d", zero) + (1 - b2) * change
        n = state["n"] = b3 * state.get("n", zero) + (1 - b3) * (g + b2 * change) ** 2
        u = m / (1 - b1**t) + b2 * d / (1 - b2**t)
        p.sub_(group["lr"] * u / ((n / (1 - b3**t)).sqrt() + group["eps"]))


# 5. What a constructor asks for


class RequiredRate(Rule):
    """SGD whose lr has no default, with a foreach path."""

    def __init__(self, params, lr, weight_decay=0, foreach=False):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, foreach=foreach))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            some = [p for p in group["params"] if p.grad is not None]
            if group["foreach"] and some:
                update = torch._foreach_mul(some, group["weight_decay"])
                torch._foreach_add_(update, [p.grad for p in some])
                torch._foreach_add_(some, update, alpha=-group["lr"])
            for p in [] if group["foreach"] else some:
                p.sub_(group["lr"] * (p.grad + group["weight_decay"] * p))
        return loss


class OneOfTwo(RequiredRate):
    """SGD that takes lr or log_lr, and one of them."""

    def __init__(self, params, lr=None, log_lr=None, weight_decay=0, foreach=False):
        if (lr is None) == (log_lr is None):
            raise ValueError("give lr or log_lr, and not both")
        super().__init__(params, 10**log_lr if lr is None else lr, weight_decay, foreach)


class OptionsInTheGroup(Rule):
    """SGD with momentum that writes its options into the groups and leaves `defaults` empty."""

    def __init__(self, params, lr=1e-3, momentum=0):
        self.options = dict(lr=lr, momentum=momentum)
        super().__init__(params, {})

    def add_param_group(self, param_group):
        super().add_param_group({**self.options, **param_group})

    def update(self, p, g, state, group):
        if group["momentum"]:
            old = state.get("momentum_buffer")
            g = state["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
        p.sub_(group["lr"] * g)


# 6. One learning rate for all


class OneRate(Rule):
    """SGD that refuses groups with rates of their own when it steps."""

    def __init__(self, params, lr=1e-3, weight_decay=0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    def step(self, closure=None):
        if len({group["lr"] for group in self.param_groups}) > 1:
            raise RuntimeError("all groups must have the same lr")
        return super().step(closure)

    def update(self, p, g, state, group):
        p.sub_(group["lr"] * (g + group["weight_decay"] * p))


# 7. State in another scale


class CorrectedAverages(Rule):
    """Adam that keeps its averages corrected for their bias, under torch's names."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

    def update(self, p, g, state, group):
        wide = torch.promote_types(p.dtype, torch.float32)
        t, g = state.get("step", 0) + 1, g.to(wide)
        state["step"] = t
        for name, beta, new in zip(("exp_avg", "exp_avg_sq"), group["betas"], (g, g * g), strict=True):
            part = (1 - beta) / (1 - beta**t)
            state[name] = ((1 - part) * state.get(name, 0 * p).to(wide) + part * new).to(p.dtype)
        m, v = (state[name].to(wide) for name in ("exp_avg", "exp_avg_sq"))
        p.copy_(p.to(wide) - group["lr"] * m / (v.sqrt() + group["eps"]))


# 8. A cube root


class CubeRoot(Rule):
    """Divides by the cube root of the sum of squares, decay apart; held against cube_root.py."""

    def __init__(self, params, lr=1e-2, eps=1e-6, weight_decay=0):
        super().__init__(params, dict(lr=lr, eps=eps, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        state["sum"] = state.get("sum", 0 * p) + g * g
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.sub_(group["lr"] * g / (state["sum"] ** (1 / 3) + group["eps"]))


# 9. Random numbers


class StochasticRounding(Rule):
    """SGD in float32 whose parameters are rounded to the digits of bfloat16, up or down by chance."""

    def __init__(self, params, lr=1e-2, weight_decay=0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        change = group["lr"] * (g + group["weight_decay"] * p)
        moved = (p - change).float()
        bits = moved.view(torch.int32)
        bits += torch.randint(0, 1 << 16, p.shape, dtype=torch.int32)
        bits &= -1 << 16
        p.copy_(torch.where(change == 0, p, moved))


class RandomHalf(Rule):
    """SGD that updates a random half of the elements, twice as far."""

    def __init__(self, params, lr=1e-3, weight_decay=0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        p.sub_(2 * group["lr"] * (g + group["weight_decay"] * p) * (torch.rand_like(p) < 0.5))


# 10. A decay that grows with the parameter


class RelativeDecay(Rule):
    """The step and the decay are relative to the RMS of the parameter."""

    def __init__(self, params, rate=1e-2, weight_decay=0.1):
        super().__init__(params, dict(lr=rate, weight_decay=weight_decay))

    def update(self, p, g, state, group):
        rate = group["lr"] * max(0.1, p.square().mean().sqrt().item())
        p.sub_(rate * group["weight_decay"] * p)
        p.sub_(rate * g / (g.square().mean().sqrt() + 1e-8))


# 11. Small tensors


class RefusesSmall(Rule):
    """SGD that refuses a matrix of which a side is below 4, as kernels that work in blocks do."""

    def __init__(self, params, lr=1e-3, weight_decay=0):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.dim() > 1 and min(p.shape) < 4:
                raise ValueError(f"a matrix needs sides of 4 or more, not {tuple(p.shape)}")

    def update(self, p, g, state, group):
        p.sub_(group["lr"] * (g + group["weight_decay"] * p))


class SmallOtherwise(Rule):
    """RMSprop that steps a tensor of fewer than 16 elements, where an average tells little, by plain SGD."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8):
        super().__init__(params, dict(lr=lr, alpha=alpha, eps=eps))

    def update(self, p, g, state, group):
        if p.numel() < 16:
            p.sub_(group["lr"] * g)
            return
        state["square_avg"] = group["alpha"] * state.get("square_avg", 0 * p) + (1 - group["alpha"]) * g * g
        p.sub_(group["lr"] * g / (state["square_avg"].sqrt() + group["eps"]))


# 12. An option that is fixed


class Momentum(Rule):
    """SGD with momentum."""

    def __init__(self, params, lr=1e-3, momentum=0):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    def update(self, p, g, state, group):
        if group["momentum"]:
            old = state.get("momentum_buffer")
            g = state["momentum_buffer"] = g.clone() if old is None else group["momentum"] * old + g
        p.sub_(group["lr"] * g)


# The class above with momentum=0.9 fixed, which no case gives.
FixedMomentum = functools.partial(Momentum, momentum=0.9)


# 25. Rounding


class BetweenTwo(Rule):
    """Dual averaging: x goes to 0.9 x + 0.1 z, which is one rounding away from x where z is x."""

    def __init__(self, params, lr=1e-2):
        super().__init__(params, dict(lr=lr))

    def update(self, p, g, state, group):
        start = state.setdefault("start", p.clone())
        state["sum"] = state.get("sum", 0 * p) + group["lr"] * g
        p.copy_(0.9 * p + 0.1 * (start - state["sum"]))


# 26. A rate that is estimated, from a beginning far below the rounding of the parameters


class Estimate(Optimizer):
    """Sign steps as long as an estimate of the way to go, in all groups one: D-Adaptation's, which begins at 1e-6.

    Down one slope for ever it grows without end, and what it does for `log_every` is seen in a log alone.
    """

    def __init__(self, params, lr=1.0, betas=(0.9, 0.99), log_every=0):
        super().__init__(params, dict(lr=lr, betas=betas, log_every=log_every, estimate=1e-6))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        estimate = self.param_groups[0]["estimate"]
        found = [
            self.update(p, p.grad, self.state[p], group, estimate)
            for group in self.param_groups for p in group["params"] if p.grad is not None
        ]  # fmt: skip
        along, size = (float(sum(part)) for part in zip(*found, strict=True)) if found else (0.0, 0.0)
        for group in self.param_groups:
            group["estimate"] = max(estimate, along / size if size else 0.0)
        return loss

    def update(self, p, g, state, group, estimate):
        """What gradients and way gone say of the distance, in two sums."""
        beta1, beta2 = group["betas"]
        if not state:
            state.update(exp_avg=torch.zeros_like(p), gone=torch.zeros_like(p), along=0.0, sum=torch.zeros_like(p))
        state["along"] += estimate * float((g * state["gone"]).sum())
        state["sum"].add_(g, alpha=estimate)
        step = estimate * group["lr"] * (beta1 * state["exp_avg"] + (1 - beta1) * g).sign()
        state["gone"] += step
        p.sub_(step)
        state["exp_avg"].lerp_(g, 1 - beta2)
        return state["along"], float(state["sum"].abs().sum())


# 27. State of the optimizer under a key of its own, made by the first step


class CountUnderAKey(Optimizer):
    """SGD that counts its steps, which self.state has under "k", as MADGRAD's."""

    def __init__(self, params, lr=1e-2):
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if "k" not in self.state:
            self.state["k"] = torch.tensor([0])
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * self.scale() * p.grad)
        self.state["k"] += 1
        return loss

    def scale(self):
        return 1.0


# 28. A mode for training


class ScheduleFree(Optimizer):
    """Schedule-free SGD: it refuses to step before train() is called, and all of a group share their weights."""

    def __init__(self, params, lr=1e-2, momentum=0.9, power=2.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, power=power, mode="eval", largest=0.0, weights=0.0))

    def train(self):
        self._switch("train", lambda group: 1 - group["momentum"])

    def eval(self):
        self._switch("eval", lambda group: 1 - 1 / group["momentum"])

    @torch.no_grad()
    def _switch(self, mode, weight):
        for group in self.param_groups:
            for p in group["params"] if group["mode"] != mode else ():
                if "z" in self.state[p]:
                    p.lerp_(self.state[p]["z"], weight(group))
            group["mode"] = mode

    @torch.no_grad()
    def step(self, closure=None):
        if self.param_groups[0]["mode"] != "train":
            raise RuntimeError("call train() before step()")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["largest"] = max(group["largest"], group["lr"])
            weight = group["largest"] ** group["power"]
            group["weights"] += weight
            part = weight / group["weights"] if group["weights"] else 0.0
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group, part)
        return loss

    def update(self, p, g, state, group, part):
        z = state.setdefault("z", p.clone())
        p.lerp_(z, part).add_(g, alpha=group["lr"] * (group["momentum"] * (1 - part) - 1))
        z.sub_(g, alpha=group["lr"])
