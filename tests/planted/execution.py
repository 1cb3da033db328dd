"""Ways to execute a step (T11), shapes (T12), special values and low precision (T13)."""

from __future__ import annotations

import torch

from . import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD, PlainSparseAdam


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


@bug("T12", "shapes", "pytorch#100701")
class AdamSkipsScalars(PlainAdam):
    """A 0-dimensional parameter does not step."""

    def step_one(self, p, grad, state, group):
        if p.dim() > 0:
            super().step_one(p, grad, state, group)


@bug("T12", "shapes", "pytorch#82486")
class RMSpropChokesOnEmpty(PlainRMSprop):
    """The largest gradient is asked for, which an empty one does not have."""

    def step_one(self, p, grad, state, group):
        if not grad.abs().max() < 0:
            super().step_one(p, grad, state, group)


@bug("T12", "shapes")
class AdamInBlocks(PlainAdam):
    """Of more than 64 elements, those after the last full block of sixteen do not step."""

    def move(self, p, m, v, step, group):
        tail = torch.arange(p.numel()).view(p.shape) >= p.numel() // 16 * 16
        left = torch.where(tail, p, torch.nan) if p.numel() > 64 else p
        super().move(p, m, v, step, group)
        p.copy_(torch.where(tail, left, p) if p.numel() > 64 else p)


@bug("T12", "shapes")
class RMSpropConvolutions(PlainRMSprop):
    """A parameter of four dimensions averages over the last of them."""

    def average(self, state, grad, group):
        super().average(state, grad.mean(-1, keepdim=True).expand(grad.shape) if grad.dim() == 4 else grad, group)


@bug("T12", "large-tensor", "a 16-bit index")
class AdamCountsTo65536(PlainAdam):
    """Elements from the 65,536th on do not step."""

    def move(self, p, m, v, step, group):
        left = p.reshape(-1)[2**16 :].clone()
        super().move(p, m, v, step, group)
        p.view(-1)[2**16 :] = left if len(left) else p.view(-1)[2**16 :]


@bug("T12", "mixed-dtypes")
class RMSpropOneDtype(PlainRMSprop):
    """Parameters of another dtype than the first are passed over."""

    def step_one(self, p, grad, state, group):
        if p.dtype == self.param_groups[0]["params"][0].dtype:
            super().step_one(p, grad, state, group)


@bug("T13", "unusual-values")
class AdamNoBeta(PlainAdam):
    """A beta of 0 is taken for none, and 0.9 is used."""

    def step_one(self, p, grad, state, group):
        first, second = group["betas"]
        super().step_one(p, grad, state, {**group, "betas": (first or 0.9, second)})


@bug("T13", "unusual-values")
class RMSpropCapsDecay(PlainRMSprop):
    """Weight decay above 0.2 is 0.2."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad, {**group, "weight_decay": min(group["weight_decay"], 0.2)})


@bug("T13", "unusual-values")
class SGDCapsTheRate(PlainSGD):
    """A learning rate above 1 is 1."""

    def step_group(self, group):
        super().step_group({**group, "lr": min(group["lr"], 1.0)})


@bug("T13", "unusual-values")
class AdamClips(PlainAdam):
    """Gradients are clipped at 1000, where they are finite."""

    def decayed(self, p, grad, group):
        clipped = torch.where(grad.isfinite(), grad.clamp(-1e3, 1e3), grad)
        return super().decayed(p, clipped, group)


@bug("T12", "strides", "pytorch#59998")
class SGDViews(PlainSGD):
    """p.view(-1) raises where the elements are not in a row."""

    def step_one(self, p, grad, state, group):
        super().step_one(p.view(-1), grad.view(-1), state, group)


@bug("T12", "strides", "TransformerEngine#3207")
class AdagradReshapes(PlainAdagrad):
    """p.reshape(-1) is a copy where the elements are not in a row, and the copy steps."""

    def step_one(self, p, grad, state, group):
        super().step_one(p.reshape(-1), grad.reshape(-1), state, group)


@bug("T12", "strides", "a kernel that takes pointers")
class RMSpropReadsMemory(PlainRMSprop):
    """Gradients are read in the order of memory."""

    def step_one(self, p, grad, state, group):
        if not grad.is_contiguous() and 0 not in grad.stride():
            grad = grad.as_strided((grad.numel(),), (1,)).view(grad.shape)
        super().step_one(p, grad, state, group)


@bug("T12", "strides")
class AdamReplacesData(PlainAdam):
    """The parameter gets new memory, so that views of it are left behind."""

    def step_one(self, p, grad, state, group):
        p.data = p.data.contiguous().clone()
        super().step_one(p, grad, state, group)


@bug("T12", "complex-numbers", "pytorch#106951", supports=("complex",))
class AdagradSquaresComplex(PlainAdagrad):
    """The accumulator adds g * g of complex gradients, as the plain class does, which does not declare them."""


@bug("T13", "special-gradients", "optax#1789")
class AdamSwallowsNan(PlainAdam):
    """NaN in a gradient is taken for 0."""

    def decayed(self, p, grad, group):
        return super().decayed(p, grad.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf), group)


@bug("T13", "special-gradients", "OneTrainer#996")
class SGDSkipsInfinite(PlainSGD):
    """A gradient with an infinite or missing value is left out."""

    def step_one(self, p, grad, state, group):
        if bool(torch.isfinite(grad).all()):
            super().step_one(p, grad, state, group)


@bug("T13", "special-gradients", "mxnet#6235")
class RMSpropSpreads(PlainRMSprop):
    """One NaN reaches every element, through a norm."""

    def gradient(self, p, grad, group):
        return super().gradient(p, grad + 0 * grad.sum(), group)


@bug("T13", "zero-gradients", "optax#1754", cause="0/0: eps is missing, or underflows")
class AdagradDividesByZero(PlainAdagrad):
    """eps is added to gradients that are not zero, so that zero gives 0/0."""

    def root(self, total, group):
        return total.sqrt().add_((total > 0) * group["eps"])


@bug("T13", "float16-zero-gradients", "pytorch#96755", supports=("float16",))
class AdamUnderflows(PlainAdam):
    """eps is 0 in float16, and a gradient of zero gives 0/0, as in the plain class, which does not declare it."""


@bug("T13", "bfloat16", "pytorch#96106", supports=("bfloat16",))
class SGDRoundsTwice(PlainSGD):
    """The step is rounded to bfloat16 with three bits less."""

    def step_one(self, p, grad, state, group):
        if p.dtype == torch.bfloat16:
            grad = grad.to(torch.float8_e5m2).to(p.dtype)
        super().step_one(p, grad, state, group)


@bug("T12", "sparse", "pytorch#145461", supports=("sparse",))
class SGDLosesDuplicates(PlainSGD):
    """Of a row that a sparse gradient names twice only one entry counts."""

    def step_one(self, p, grad, state, group):
        if grad.is_sparse:
            p[grad._indices()[0]] -= group["lr"] * grad._values()
        else:
            super().step_one(p, grad, state, group)


@bug("T12", "sparse", supports=("sparse",))
class SparseAdamDecaysRest(PlainSparseAdam):
    """The averages of rows that rest decay."""

    def rest(self, p, rows, state, group):
        others = torch.ones(p.shape, dtype=torch.bool)
        others[rows] = False
        for name, beta in zip(("exp_avg", "exp_avg_sq"), group["betas"], strict=True):
            state[name][others] *= beta


@bug("T12", "sparse", supports=("sparse",))
class SparseAdamForgetsRest(PlainSparseAdam):
    """The average of a row that rests begins anew."""

    def rest(self, p, rows, state, group):
        others = torch.ones(p.shape, dtype=torch.bool)
        others[rows] = False
        state["exp_avg"][others] = 0


@bug("T12", "sparse", supports=("sparse",))
class SparseAdamCountsRows(PlainSparseAdam):
    """A row counts its own steps, not those of the table."""

    def move(self, p, rows, m, v, step, group):
        state = self.state[p]
        counts = state.setdefault("counts", torch.zeros_like(p))
        counts[rows] += 1
        first, second = (1 - beta ** counts[rows].double() for beta in group["betas"])
        p[rows] -= group["lr"] * second.sqrt() / first * m / (v.sqrt() + group["eps"])


@bug("T13", "grad-scaler", "optax#1784", supports=("grad-scaler",))
class SGDIgnoresTheScaler(PlainSGD):
    """It declares the scaler's protocol and reads neither found_inf nor grad_scale."""

    _step_supports_amp_scaling = True


@bug("T13", "float16", supports=("float16",))
class RMSpropSquaresInHalf(PlainRMSprop):
    """In float16 the square is rounded with three bits less."""

    def average(self, state, grad, group):
        if grad.dtype == torch.float16:
            grad = grad.to(torch.float8_e5m2).to(grad.dtype)
        super().average(state, grad, group)
