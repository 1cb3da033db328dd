"""Saving and loading (T9), long runs (T10) and memory (T14)."""

from __future__ import annotations

import torch

from . import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T9", "save-load", "pytorch#43706")
class SGDForgetsItsVelocity(PlainSGD):
    """state_dict has no momentum buffer."""

    def state_dict(self):
        return {**super().state_dict(), "state": {}}


@bug("T9", "save-load")
class RMSpropLoadsByShape(PlainRMSprop):
    """Of several parameters of one shape all get the state of the first."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        first = {}
        for p in (p for group in self.param_groups for p in group["params"] if p in self.state):
            kept = self.state[first.setdefault((p.shape, p.dtype), p)]
            self.state[p] = {name: v.clone() if isinstance(v, torch.Tensor) else v for name, v in kept.items()}


@bug("T9", "save-load")
class SGDLoadsOneRate(PlainSGD):
    """All groups get the learning rate of the first."""

    def load_state_dict(self, state_dict):
        groups = [{**group, "lr": state_dict["param_groups"][0]["lr"]} for group in state_dict["param_groups"]]
        super().load_state_dict({**state_dict, "param_groups": groups})


@bug("T9", "save-load")
class AdamLoadsOldAsNew(PlainAdam):
    """A step count above fifty is loaded as 0."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["step"] = 0 if state["step"] > 50 else state["step"]


@bug("T9", "bfloat16-save-load", "pytorch#75224", supports=("bfloat16",))
class RMSpropWideUntilLoaded(PlainRMSprop):
    """Averages of bfloat16 parameters are float32, which torch's own loading casts to bfloat16."""

    def step_one(self, p, grad, state, group):
        wide = p.float()
        super().step_one(wide, grad.float(), state, group)
        p.copy_(wide)


@bug("T9", "save-load", "torchtitan#4615")
class AdamCountsAnew(PlainAdam):
    """Loading sets the step count to 0."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["step"] = 0


@bug("T9", "save-load")
class RMSpropKeepsItsOptions(PlainRMSprop):
    """Loading keeps the learning rate of the constructor."""

    def load_state_dict(self, state_dict):
        rates = [group["lr"] for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, lr in zip(self.param_groups, rates, strict=True):
            group["lr"] = lr


@bug("T9", "save-load")
class AdamLoadsAllButBetas(PlainAdam):
    """Loading keeps the betas of the constructor."""

    def load_state_dict(self, state_dict):
        betas = [group["betas"] for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, own in zip(self.param_groups, betas, strict=True):
            group["betas"] = own


@bug("T9", "save-load")
class AdamLoadsTwoRates(PlainAdam):
    """The third group gets the learning rate of the second."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups[2:]:
            group["lr"] = self.param_groups[1]["lr"]


@bug("T9", "save-load", cause="after loading, no group can be added")
class AdamLoadedIsClosed(PlainAdam):
    """A group that is added after loading is dropped."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.add_param_group = lambda group: None


@bug("T9", "save-load", "pytorch#196083")
class AdagradHidesState(PlainAdagrad):
    """The accumulator is kept in an attribute that no state_dict carries."""

    def step_group(self, group):
        self.sums = getattr(self, "sums", {})
        for p in group["params"]:
            if p.grad is not None:
                self.step_one(p, p.grad, self.sums.setdefault(p, {}), group)


@bug("T9", "save-load", "pytorch#75224")
class AdamLoadsNarrow(PlainAdam):
    """Loading makes bfloat16 of the averages."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state.update({k: v.bfloat16() for k, v in state.items() if isinstance(v, torch.Tensor)})


@bug("T9", "save-load")
class RMSpropSavesAFunction(PlainRMSprop):
    """The state holds an object that torch.load refuses."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        state["rule"] = slice


@bug("T9", "save-load")
class SGDLoadsInOrder(PlainSGD):
    """The saved states go to the parameters in the order in which they were made."""

    def load_state_dict(self, state_dict):
        places = sorted(state_dict["state"])
        state = dict(zip(places, state_dict["state"].values(), strict=True))
        super().load_state_dict({**state_dict, "state": state})


@bug("T9", "save-load")
class AdagradLoadsItsOwnKeys(PlainAdagrad):
    """Of the saved groups only the options of the constructor come back, not what a scheduler wrote there."""

    def load_state_dict(self, state_dict):
        known = {"params", *self.defaults}
        groups = [{k: v for k, v in group.items() if k in known} for group in state_dict["param_groups"]]
        super().load_state_dict({**state_dict, "param_groups": groups})


@bug("T9", "state-dict-is-a-value")
class SGDSavesTheParameter(PlainSGD):
    """The state holds the parameter itself."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, group)
        state["param"] = p


@bug("T9", "copy-and-pickle")
class AdagradFindsByAddress(PlainAdagrad):
    """State is found by id(p), which is another one in a copy."""

    def step_group(self, group):
        for p in group["params"]:
            if p.grad is not None:
                self.step_one(p, p.grad, self.state.setdefault(id(p), {}), group)


@bug("T9", "state-exchange")
class AdamSavesItsOwnWay(PlainAdam):
    """state_dict has the average divided by 1 - beta1, and loading expects that."""

    def state_dict(self):
        saved = super().state_dict()
        beta = saved["param_groups"][0]["betas"][0]
        state = {i: {**s, "exp_avg": s["exp_avg"] / (1 - beta)} for i, s in saved["state"].items()}
        return {**saved, "state": state}

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["exp_avg"] = state["exp_avg"] * (1 - self.param_groups[0]["betas"][0])


@bug("T10", "long-run", "pytorch/ao#4915")
class AdamCountsInABfloat(PlainAdam):
    """The step count is a bfloat16, which sticks at 256."""

    def count(self, state):
        state["step"] = torch.as_tensor(state.get("step", 0.0), dtype=torch.bfloat16) + 1
        return float(state["step"])


@bug("T10", "long-run", "timm#877")
class AdagradCountsInAByte(PlainAdagrad):
    """The step count is a uint8, which wraps at 256."""

    def count(self, state):
        state["step"] = torch.as_tensor(state.get("step", 0), dtype=torch.uint8) + 1
        return int(state["step"])


@bug("T10", "long-run", "kozistr#525")
class RMSpropStartsOver(PlainRMSprop):
    """The average is set to zero every 200 steps."""

    def average(self, state, grad, group):
        super().average(state, grad, group)
        if state["step"] % 200 == 0:
            state["square_avg"].zero_()


@bug("T10", "long-run")
class SGDFades(PlainSGD):
    """After 300 steps the learning rate falls by itself."""

    def step_one(self, p, grad, state, group):
        lr = group["lr"] * min(1.0, 300 / self.count(state))
        super().step_one(p, grad, state, {**group, "lr": lr})


@bug("T14", "memory", "pytorch#3139")
class SGDKeepsGradients(PlainSGD):
    """Every gradient is kept in a list."""

    def step_one(self, p, grad, state, group):
        self.kept = [*getattr(self, "kept", []), grad.clone()]
        super().step_one(p, grad, state, group)


@bug("T14", "memory", cause="zero_grad() frees no memory: gradients are kept")
class AdamHoldsGradients(PlainAdam):
    """The gradients of the last step are kept until the next."""

    def step(self, closure=None):
        loss = super().step(closure)
        self.last = [p.grad for group in self.param_groups for p in group["params"]]
        return loss


@bug("T14", "memory", "pytorch#50636")
class AdamCaches(PlainAdam):
    """What a step computes is kept in a cache of the class that never forgets."""

    cache: dict[int, torch.Tensor] = {}  # noqa: RUF012  that is the bug

    def root(self, v, correction, group):
        return self.cache.setdefault(len(self.cache), super().root(v, correction, group))


@bug("T14", "memory", "pytorch#97712")
class RMSpropWorksInParallel(PlainRMSprop):
    """A step makes twenty copies of the average at once."""

    def variance(self, state, group):
        return torch.stack([super().variance(state, group)] * 20)[0].clone()


@bug("T14", "memory")
class AdagradHoards(PlainAdagrad):
    """Twelve tensors of state where one is needed."""

    def start(self, p, group):
        self.state[p].update({f"spare{i}": torch.zeros_like(p) for i in range(11)})
        return super().start(p, group)
