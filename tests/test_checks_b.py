"""Saving, tensors and cost: each check passes on torch and on our own, and catches the mistake that it is there for."""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import inspect
import sys
from types import ModuleType

import pytest
import torch
from torch.optim import Optimizer

from twinstep.bench.adapter import as_optimizer
from twinstep.bench.battery.checks import CHECKS
from twinstep.bench.battery.checks.persistence import load_no_aliasing
from twinstep.bench.battery.context import Against, Context, context_for, subject_of
from twinstep.bench.battery.judge import check_optimizer
from twinstep.bench.battery.result import Failed, NotApplicable, NotDeclared
from twinstep.reference import torch_paths
from twinstep.scratch_impls import load
from twinstep.scratch_impls.spec import case

MINE = (
    "save-load", "state-dict-is-a-value", "load-no-aliasing", "copy-and-pickle", "state-exchange",
    "shapes", "strides", "zero-gradients", "constant-gradients", "special-gradients", "float16", "bfloat16",
    "float16-zero-gradients", "sparse", "complex-numbers", "tensor-lr", "grad-scaler", "cuda",
    "memory", "long-run", "descends",
)  # fmt: skip
SUPPORTS = ("float16", "bfloat16", "sparse", "complex", "tensor-lr", "grad-scaler")
ALIASES = "load_state_dict keeps the tensors of the dict it is given"


def context(make, against=None, cases=None, spec=None, **rest):
    """A quick battery: against our momentum by default, with its default and its richest case."""
    spec = load("momentum") if spec is None else spec
    chosen = cases or tuple(c for c in spec.cases if c.reference == "torch")
    held = Against(label=spec.name, make=as_optimizer(spec), spec=spec) if against is None else against
    return Context(subject=subject_of(make, "subject"), against=held or None, cases=chosen, quick=True, **rest)


def run(name, *args, **kwargs):
    CHECKS[name].function(context(*args, **kwargs))


@pytest.fixture
def caught():
    """caught(check, what the message must say, optimizer, ...): the check fails, and its message says so."""

    def judge(name, says, *args, **kwargs):
        with pytest.raises(Failed, match=says):
            run(name, *args, **kwargs)

    return judge


class Momentum(Optimizer):
    """A right optimizer of this file's own; the wrong ones differ from it in one place each."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.move(p, self.state[p], group)

    def move(self, p, state, group):
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(p)
        state["momentum_buffer"].mul_(group["momentum"]).add_(p.grad)
        p.sub_(group["lr"] * state["momentum_buffer"])


HYPER = (case("momentum", "the only one", lr=0.1, momentum=0.9),)
SGD = {"cases": HYPER, "against": False}


class TurnsSquares(as_optimizer("muon")):
    """Muon, whose orthogonal matrix is transposed once more where it has as many rows as columns."""

    @staticmethod
    def update(param, grad, state, step, **hyper):
        moved, new = load("muon").update(param, grad, state, step, **hyper)
        if param.shape[0] == param.shape[1]:
            rest = (1 - hyper["lr"] * hyper["weight_decay"]) * param
            moved = rest + (moved - rest).T
        return moved, new


def test_square_matrices_are_held_against_the_reference():
    chosen = ("step-moves", "groups", "one-step", "many-steps", "shapes", "strides")
    report = check_optimizer(TurnsSquares, "muon", checks=chosen, quick=True)
    failed = {r.check: r.message for r in report.results if r.status == "failed"}
    assert list(failed) == ["shapes"] and "(p4.param[1]" in failed["shapes"], failed


@pytest.mark.parametrize("name", MINE)
@pytest.mark.parametrize(
    "make", [torch_paths.twin("SGD"), as_optimizer("momentum"), Momentum], ids=lambda m: m.__name__
)
def test_right_ones_pass(name, make):
    cases = HYPER if make is Momentum else None
    supports = frozenset(SUPPORTS if make.__module__.startswith("torch") else ("float16", "bfloat16"))
    if name == "load-no-aliasing" and make.__module__.startswith("torch"):
        with pytest.raises(Failed, match="changed the dict"):  # torch's own defect
            run(name, make, supports=supports)
        return
    # What does not apply to a right one applies to a wrong one below: every check has its control.
    with contextlib.suppress(NotApplicable, NotDeclared):
        run(name, make, cases=cases, supports=supports)


@pytest.mark.parametrize("ability", SUPPORTS)
def test_what_is_not_declared_is_said_to_be_so(ability):
    name = {"complex": "complex-numbers"}.get(ability, ability)
    with pytest.raises(NotDeclared, match=f"--supports {ability}"):
        run(name, Momentum, cases=HYPER)


# persistence


class Drops(Momentum):
    def state_dict(self):
        return {**super().state_dict(), "state": {}}


class OwnCount(Momentum):
    """A warm-up counter outside the state."""

    count = 0

    def move(self, p, state, group):
        self.count += 1
        super().move(p, state, {**group, "lr": group["lr"] / self.count})


class KeepsLr(Momentum):
    """Reads lr once, in the constructor."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, lr, momentum)
        self.lr = lr

    def move(self, p, state, group):
        super().move(p, state, {**group, "lr": self.lr})


class Holds:
    """Not a plain value."""


class Unsafe(Momentum):
    def move(self, p, state, group):
        super().move(p, state, group)
        state["helper"] = state.get("helper") or Holds()


def test_state_that_is_not_saved_is_caught(caught):
    caught("save-load", "state after loading: p0.momentum_buffer is missing", Drops, **SGD)
    caught("save-load", r"step 6, saved and loaded after step 5.*p0.param\[0\]", OwnCount, **SGD)
    caught("save-load", r"step 6.*p0.param\[0\] is", KeepsLr, **SGD)
    caught("save-load", "weights_only=True", Unsafe, **SGD)


def test_a_state_dict_with_a_side_effect_is_caught(caught):
    class Rounds(Momentum):
        def state_dict(self):
            for state in self.state.values():
                state["momentum_buffer"].mul_(0.5)
            return super().state_dict()

    class Bare(Momentum):
        def state_dict(self):
            return dict(enumerate(self.state.values()))

    class Refers(Momentum):
        def state_dict(self):
            return {**super().state_dict(), "params": list(self.param_groups[0]["params"])}

    caught("state-dict-is-a-value", "momentum_buffer", Rounds, **SGD)
    caught("state-dict-is-a-value", "must have state and param_groups", Bare, **SGD)
    caught("state-dict-is-a-value", "is a parameter", Refers, **SGD)


class Keeps(Momentum):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for p, state in zip(self.param_groups[0]["params"], state_dict["state"].values(), strict=True):
            self.state[p]["momentum_buffer"] = state["momentum_buffer"]


class HandsOn(Momentum):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)


class Wraps:
    """A right optimizer that is none of torch's, around one that is."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        self.inner = Momentum(params, lr, momentum)

    def __getattr__(self, name):
        return getattr(self.__dict__["inner"], name)

    def load_state_dict(self, state_dict):
        self.inner.load_state_dict(state_dict)


def test_a_dict_that_is_kept_is_caught(caught):
    caught("load-no-aliasing", "steps 6 to 10 changed the dict", Keeps, **SGD)
    with pytest.raises(NotApplicable, match=r"inherited from torch\.optim\.Optimizer"):
        run("load-no-aliasing", Momentum, **SGD)


class HandsOnInAnotherWay(Momentum):
    """Through a dict of its own, and a hook: the tensors in it are the caller's all the same."""

    def load_state_dict(self, state_dict):
        hook = self.register_load_state_dict_pre_hook(lambda optimizer, given: {**given})
        Optimizer.load_state_dict(self, {**state_dict, "state": dict(state_dict["state"])})
        hook.remove()


@pytest.mark.parametrize("make", [HandsOn, HandsOnInAnotherWay, Wraps], ids=lambda made: made.__name__)
def test_what_hands_the_dict_on_to_torch_has_no_part_in_its_defect(make):
    loads = Optimizer.load_state_dict
    run("load-no-aliasing", make, **SGD)
    assert Optimizer.load_state_dict is loads


@pytest.mark.parametrize("make", [HandsOn, HandsOnInAnotherWay, Wraps], ids=lambda made: made.__name__)
def test_control_torchs_own_sharing_would_be_seen(make, caught, monkeypatch):
    """Without the copy that stands between, each of them fails by what torch does."""
    monkeypatch.setattr(load_no_aliasing, "_TorchCopies", contextlib.nullcontext)
    caught("load-no-aliasing", "changed the dict that was loaded", make, **SGD)


def test_a_functional_state_that_is_kept_is_caught(caught):
    """Its steps replace the tensors, so only the caller's own change to the dict shows the sharing."""

    class Replaces(Keeps):
        def move(self, p, state, group):
            buffer = state.get("momentum_buffer", torch.zeros_like(p))
            state["momentum_buffer"] = group["momentum"] * buffer + p.grad
            p.sub_(group["lr"] * state["momentum_buffer"])

    caught("load-no-aliasing", "the dict was zeroed after loading", Replaces, **SGD)


def test_a_copy_that_shares_is_caught(caught):
    shared = {}

    class Shares(Momentum):
        """The buffers live in one place for all instances, by shape."""

        def move(self, p, state, group):
            buffer = shared.setdefault(p.shape, torch.zeros_like(p))
            buffer.mul_(group["momentum"]).add_(p.grad)
            state["momentum_buffer"] = buffer
            p.sub_(group["lr"] * buffer)

    class Forgets(Momentum):
        def __deepcopy__(self, memo):
            return type(self)([memo.get(id(p), p) for p in self.param_groups[0]["params"]])

    caught("copy-and-pickle", "of a deepcopy changed the original", Shares, **SGD)
    caught("copy-and-pickle", r"step 10 of a deepcopy made after step 5: p0.param\[0\]", Forgets, **SGD)


def test_an_optimizer_that_loses_state_in_a_pickle_is_caught(caught, monkeypatch):
    class Sheds(Momentum):
        def __getstate__(self):
            return {**super().__getstate__(), "state": collections.defaultdict(dict)}

        def __deepcopy__(self, memo):
            made = Momentum([memo.get(id(p), p) for p in self.param_groups[0]["params"]])
            made.load_state_dict(copy.deepcopy(self.state_dict()))
            return made

    module = ModuleType("sheds")
    Sheds.__module__, Sheds.__qualname__, module.Sheds = "sheds", "Sheds", Sheds
    monkeypatch.setitem(sys.modules, "sheds", module)
    caught("copy-and-pickle", r"an unpickled copy", Sheds, **SGD)


def test_state_that_the_reference_cannot_continue_is_caught(caught):
    class Hidden(Momentum):
        """A second average that no dict carries, filled from the saved one when it is absent, scaled wrongly."""

        def load_state_dict(self, state_dict):
            super().load_state_dict(state_dict)
            for state in self.state.values():
                state["momentum_buffer"] = state["momentum_buffer"] * 0.9

    caught("state-exchange", "state of step 5 loaded by the subject", Hidden, cases=HYPER)

    class Renamed(Momentum):
        def move(self, p, state, group):
            inner = {"momentum_buffer": state.get("v", torch.zeros_like(p))}
            super().move(p, inner, group)
            state["v"] = inner["momentum_buffer"]

    with pytest.raises(NotApplicable, match="different names"):
        run("state-exchange", Renamed, cases=HYPER)


def test_state_is_exchanged_between_ours_and_theirs():
    run("state-exchange", Momentum, cases=HYPER)
    run("state-exchange", torch_paths.twin("Adam"), spec=load("adam"))


# tensors


class Flat(Momentum):
    """Takes elements in the order of memory, as a kernel does that was handed a bare pointer."""

    def move(self, p, state, group):
        def memory(x):
            whole = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage())
            return whole[x.storage_offset() : x.storage_offset() + x.numel()]

        memory(p).sub_(group["lr"] * memory(p.grad))


def test_elements_in_the_order_of_memory_are_caught(caught):
    caught("strides", r"gradient contiguous of the parameter, step 1.*p0.param\[1\]", Flat, **SGD)
    assert run("shapes", Flat, **SGD) is None, "contiguous ones it steps rightly"


def test_torch_fused_takes_elements_in_the_order_of_memory(caught):
    """A defect of torch: its CPU kernels read and write numel elements from the pointer on, whatever the strides."""

    def fused(params, lr=0.1, momentum=0.9):
        return torch_paths.build("SGD", "fused", params, lr=lr, momentum=momentum)

    caught("strides", "against its plain copy", fused, **SGD)


def test_layouts_that_are_lost_are_caught(caught):
    class Anew(Momentum):
        def move(self, p, state, group):
            p.data = (p.data - group["lr"] * p.grad).contiguous()

    class Spills(Momentum):
        def move(self, p, state, group):
            super().move(p, state, group)
            if p.stride() == (2,):
                torch.empty(0, dtype=p.dtype).set_(p.untyped_storage())[1::2].zero_()

    class NoScalars(Momentum):
        def move(self, p, state, group):
            p[0] -= group["lr"] * p.grad[0]
            p[1:] -= group["lr"] * p.grad[1:]

    class OnePerEmpty(Momentum):
        """Its mean over an empty parameter is NaN and spreads to the next one."""

        scale = 1.0

        def move(self, p, state, group):
            self.scale = p.grad.mean() * 0 + self.scale
            p.sub_(group["lr"] * self.scale * p.grad)

    caught("strides", "laid out anew", Anew, **SGD)
    caught("strides", "memory between the parameter's elements", Spills, **SGD)
    caught("shapes", "0-dimensional parameter, step 1: IndexError", NoScalars, **SGD)
    caught("shapes", r"empty of the ordinary parameter beside it.*nan", OnePerEmpty, **SGD)


def test_special_values_that_spread_are_caught(caught):
    class NoEps(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad / p.grad.abs())

    class Drifts(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * (p.grad + 1e-3))

    class Clips(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad / p.grad.norm().clamp(min=1.0))

    class Swallows(Momentum):
        def move(self, p, state, group):
            p.grad = torch.nan_to_num(p.grad)
            super().move(p, state, group)

    class Centered(Momentum):
        def move(self, p, state, group):
            m, v = (state.setdefault(name, torch.zeros_like(p)) for name in ("m", "v"))
            m.mul_(0.9).add_(p.grad, alpha=0.1)
            v.mul_(0.9).addcmul_(p.grad, p.grad, value=0.1)
            p.sub_(group["lr"] * p.grad / ((v - m * m).sqrt() + 1e-8))

    class CouplesNan(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad + 0 * p.grad.sum())

    caught("zero-gradients", r"p0.param\[0\] is nan after 3 steps of zero gradients", NoEps, **SGD)
    caught("zero-gradients", "moved without weight decay", Drifts, **SGD)
    caught("constant-gradients", "is nan after 200 steps of one gradient", Centered, **SGD)
    caught("special-gradients", r"nan in p0\[1\] at step 2 changed p0\[0\] to nan", Clips, cases=HYPER)
    caught("special-gradients", r"nan in p0\[1\] at step 2 changed p0\[0\] to nan", CouplesNan, **SGD)
    caught(
        "special-gradients", r"nan in p0\[1\] at step 2 makes p0\[1\] [-\d.]+; in the reference", Swallows, cases=HYPER
    )
    with pytest.raises(NotApplicable, match="couples elements"):
        run("special-gradients", Clips, **SGD)


# declared abilities


def supports(*abilities):
    return {"supports": frozenset(abilities)}


class NarrowCount(Momentum):
    def move(self, p, state, group):
        super().move(p, state, group)
        state["count"] = state.get("count", torch.zeros((), dtype=p.dtype)) + 1


def test_narrow_formats_are_judged(caught):
    class Coarse(Momentum):
        """Rounds the gradient to four bits."""

        def move(self, p, state, group):
            p.grad = torch.ldexp((torch.frexp(p.grad)[0] * 16).round() / 16, torch.frexp(p.grad)[1])
            super().move(p, state, group)

    caught(
        "bfloat16",
        r"count is 256.0 \(torch.bfloat16\) after 257 steps",
        NarrowCount,
        cases=HYPER,
        **supports("bfloat16"),
    )
    caught("float16", r"step 1: gap .*state is held in torch.float16", Coarse, cases=HYPER, **supports("float16"))

    class TinyEps(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad / (p.grad.abs() + 1e-8))

    caught("float16-zero-gradients", "is nan after 3 steps", TinyEps, cases=HYPER, **supports("float16"))
    assert run("zero-gradients", TinyEps, **SGD) is None, "in float32 that eps is not 0"


def test_sparse_gradients_are_judged(caught):
    class Last(Momentum):
        """Of two gradients for one row it takes the last."""

        def move(self, p, state, group):
            if p.grad.is_sparse:
                p[p.grad._indices()[0]] -= group["lr"] * p.grad._values()
            else:
                p.sub_(group["lr"] * p.grad)

    class Refuses(Momentum):
        def move(self, p, state, group):
            if p.grad.is_sparse:
                raise RuntimeError("no sparse gradients")
            super().move(p, state, group)

    caught("sparse", "sparse gradients, against dense ones: .*rows 1 and 4", Last, **SGD, **supports("sparse"))
    caught("sparse", "declared, and refused: RuntimeError: no sparse", Refuses, **SGD, **supports("sparse"))
    with pytest.raises(NotApplicable, match="as momentum does"):
        run("sparse", Refuses, cases=HYPER, **supports("sparse"))
    run("sparse", torch_paths.twin("Adagrad"), cases=(case("default", "all"),), **supports("sparse"))


class Lazy(Momentum):
    """A rule of rows, with nothing to hold it against: the averages of a row that rests, rest."""

    def move(self, p, state, group):
        if not p.grad.is_sparse:
            super().move(p, state, group)
            return
        buf = state.setdefault("momentum_buffer", torch.zeros_like(p))
        grad = p.grad.coalesce()
        rows = grad.indices()[0]
        buf[rows] = group["momentum"] * buf[rows] + grad.values()
        p[rows] -= group["lr"] * buf[rows]
        self.rest(p, rows, buf, group)

    def rest(self, p, rows, buf, group):
        pass


def test_a_lazy_rule_is_judged_alone(caught):
    class Creeps(Lazy):
        """Rows that rest move by a hundredth of their average."""

        def rest(self, p, rows, buf, group):
            others = torch.ones(len(p), dtype=torch.bool)
            others[rows] = False
            p[others] -= 0.01 * group["lr"] * buf[others]

    run("sparse", Lazy, **SGD, **supports("sparse"))
    caught("sparse", "step 3, .*neither as with dense ones nor at rest", Creeps, **SGD, **supports("sparse"))


def test_control_only_a_reference_tells_how_a_row_comes_back(caught):
    """torch's SGD goes on with the momentum of rows that rest."""
    against = Against(label="SGD", make=torch_paths.twin("SGD"))
    caught("sparse", "step 3, .*against the reference", Lazy, against, HYPER, **supports("sparse"))
    run("sparse", torch_paths.twin("SGD"), against, HYPER, **supports("sparse"))


def refusing_copy(module):
    """torch's SparseAdam, whose source stands in another module now."""
    source = inspect.getsource(sys.modules[torch_paths.twin("SparseAdam").__module__])
    source = source.replace("from . import", "from torch.optim import").replace("from .", "from torch.optim.")
    exec(compile(source, module.__name__, "exec"), module.__dict__)
    return module.SparseAdam


@pytest.mark.parametrize("against", ["SparseAdam", "sparse_adam"])
def test_what_refuses_dense_gradients_is_fed_rows_whoever_wrote_it(monkeypatch, against):
    class Subclass(torch_paths.twin("SparseAdam")):
        pass

    monkeypatch.setitem(sys.modules, "their_sparse", ModuleType("their_sparse"))
    copied = refusing_copy(sys.modules["their_sparse"])
    held = torch_paths.twin(against) if against == "SparseAdam" else against
    chosen = ("hooks", "one-step", "groups", "copy-and-pickle", "descends", "sparse", "shapes")
    for cls in (Subclass, copied, functools.partial(copied, eps=1e-8)):
        report = check_optimizer(cls, held, checks=chosen, quick=True, supports=["sparse"])
        assert report.passed and report.ran == len(chosen), [str(r) for r in report.results if r.bad]
    assert check_optimizer(copied, checks=["descends"], supports=["sparse"]).ran == 1, "nothing to hold it against"
    as_reference = check_optimizer("sparse_adam", copied, checks=["one-step", "sparse"], quick=True)
    assert as_reference.passed and as_reference.ran == 1, [str(r) for r in as_reference.results if r.bad]


def test_control_a_wrong_copy_fails_and_shows_it(monkeypatch):
    module = ModuleType("their_sparse")
    monkeypatch.setitem(sys.modules, "their_sparse", module)
    right = refusing_copy(module)

    class SparseAdam(right):
        def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
            super().__init__(params, lr, betas[::-1], eps, maximize)

    SparseAdam.__module__, SparseAdam.__qualname__, module.SparseAdam = "their_sparse", "SparseAdam", SparseAdam
    held = torch_paths.twin("SparseAdam")
    (found,) = check_optimizer(SparseAdam, held, checks=["tiny-gradients"], quick=True).results
    assert found.status == "failed" and found.cause == "the two betas are exchanged", found
    exec(found.reproduction, {})


def test_control_what_takes_dense_gradients_gets_them():
    class Takes(torch_paths.twin("Adam")):
        pass

    for cls in (Takes, as_optimizer("sparse_adam")):
        assert context_for(cls, "sparse_adam", supports=["sparse"]).subject.make is cls


def test_complex_parameters_are_judged(caught):
    class Squares(Momentum):
        def move(self, p, state, group):
            p.sub_(group["lr"] * p.grad / ((p.grad * p.grad.conj()).sqrt() + 1e-8))

    caught("complex-numbers", "against view_as_real", Squares, **SGD, **supports("complex"))
    run("complex-numbers", torch_paths.twin("Adam"), cases=(case("default", "all"),), **supports("complex"))


def test_tensor_learning_rates_are_judged(caught):
    class Halves(Momentum):
        def move(self, p, state, group):
            super().move(p, state, group)
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].mul_(0.99)

    class Frozen(Momentum):
        def __init__(self, params, lr=0.1, momentum=0.9):
            super().__init__(params, float(lr), momentum)

    caught("tensor-lr", "0-dimensional lr after 8 steps", Halves, **SGD, **supports("tensor-lr"))
    caught("tensor-lr", "0-dimensional lr, halved in place", Frozen, **SGD, **supports("tensor-lr"))


class Scaled(Momentum):
    """Right: it divides by grad_scale and stands still at found_inf."""

    _step_supports_amp_scaling = True

    def move(self, p, state, group):
        if getattr(self, "found_inf", None) is not None and self.found_inf:
            return
        if getattr(self, "grad_scale", None) is not None:
            p.grad = p.grad / self.grad_scale
        super().move(p, state, group)


def test_the_scaler_protocol_is_judged(caught):
    class Ignores(Momentum):
        _step_supports_amp_scaling = True

    class Unskipped(Scaled):
        def move(self, p, state, group):
            self.found_inf = None
            p.grad = torch.nan_to_num(p.grad, posinf=0.0)
            super().move(p, state, group)

        def step(self, closure=None):
            kept = self.found_inf
            super().step()
            self.found_inf = kept

    class Counts(Scaled):
        def move(self, p, state, group):
            state["step"] = state.get("step", 0) + 1
            super().move(p, state, group)

    class Empty(Scaled):
        """Its first buffer is memory that nobody wrote to when the first step is skipped."""

        def move(self, p, state, group):
            first = "momentum_buffer" not in state
            state.setdefault("momentum_buffer", torch.empty_like(p))
            if first and not getattr(self, "found_inf", 0):
                state["momentum_buffer"].zero_()
            super().move(p, state, group)

    rest = {**SGD, **supports("grad-scaler")}
    run("grad-scaler", Scaled, **rest)
    caught("grad-scaler", "1024 times as large", Ignores, **rest)
    caught("grad-scaler", "skipped by found_inf", Unskipped, **rest)
    caught("grad-scaler", "p0.step", Counts, **rest)
    caught("grad-scaler", "before step 1, that found_inf skipped: p0.param.*nan", Empty, **rest)


def test_torch_fused_sgd_that_skips_its_first_step_has_a_buffer_nobody_wrote(caught):
    def fused(params, lr=0.1, momentum=0.9):
        return torch_paths.build("SGD", "fused", params, lr=lr, momentum=momentum)

    caught("grad-scaler", "before step 1, that found_inf skipped.*nan", fused, **SGD, **supports("grad-scaler"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="where a device is present the check runs in every battery")
def test_cuda_says_that_there_is_no_device():
    with pytest.raises(NotApplicable, match="no CUDA device"):
        run("cuda", Momentum, cases=HYPER)


# cost


def test_memory_that_grows_is_caught(caught):
    class Twice(Momentum):
        def move(self, p, state, group):
            state.setdefault("spare", torch.zeros_like(p))
            super().move(p, state, group)

    class History(Momentum):
        def move(self, p, state, group):
            super().move(p, state, group)
            state.setdefault("history", []).append(p.grad.clone())

    class Leaks(Momentum):
        kept = ()

        def move(self, p, state, group):
            super().move(p, state, group)
            self.kept = (*self.kept, p.grad * 2)

    class Graph(Momentum):
        """The buffer of every step keeps the graph of the one before."""

        def move(self, p, state, group):
            with torch.enable_grad():
                factor = torch.ones((), requires_grad=True)
                state["momentum_buffer"] = state.get("momentum_buffer", torch.zeros_like(p)) * factor + p.grad * factor
            p.sub_(group["lr"] * state["momentum_buffer"])

    caught("memory", "8 bytes of state an element; momentum has 4", Twice, cases=HYPER)
    caught("memory", "state of 4096 elements grows", History, **SGD)
    caught("memory", "still held after step 20", Leaks, **SGD)
    caught("memory", "still held after step 20", Graph, **SGD)


def test_long_runs_that_go_wrong_are_caught(caught):
    class Drifts(Momentum):
        def move(self, p, state, group):
            super().move(p, state, {**group, "lr": group["lr"] * 1.001})

    class Stops(Momentum):
        """After 500 steps the lr is halved, as by a count that wrapped."""

        def move(self, p, state, group):
            state["step"] = state.get("step", 0) + 1
            super().move(p, state, {**group, "lr": group["lr"] / (1 + (state["step"] > 500))})

    caught("long-run", r"step \d+: gap .*param", Drifts, cases=HYPER)
    caught("long-run", "step 1000 moved", Stops, cases=HYPER)


def test_an_optimizer_that_goes_uphill_or_nowhere_is_caught(caught):
    class Uphill(Momentum):
        def move(self, p, state, group):
            p.add_(group["lr"] * p.grad)

    class Still(Momentum):
        def move(self, p, state, group):
            pass

    caught("descends", "loss of the quadratic did not fall", Uphill, **SGD)
    caught("descends", "loss of the quadratic did not fall", Still, **SGD)
