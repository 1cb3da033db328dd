"""Loading copies: the dict that was loaded is nobody's memory."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch.optim import Optimizer

from twinstep.bench.battery.checks.persistence import load_no_aliasing
from twinstep.bench.battery.result import NotApplicable

from .one_check import ALONE, caught, run
from .right_optimizers import Momentum


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


def test_a_dict_that_is_kept_is_caught():
    caught("load-no-aliasing", "steps 6 to 10 changed the dict", Keeps, **ALONE)
    with pytest.raises(NotApplicable, match=r"inherited from torch\.optim\.Optimizer"):
        run("load-no-aliasing", Momentum, **ALONE)


class HandsOnInAnotherWay(Momentum):
    """Through a dict of its own, and a hook: the tensors in it are the caller's all the same."""

    def load_state_dict(self, state_dict):
        hook = self.register_load_state_dict_pre_hook(lambda optimizer, given: {**given})
        Optimizer.load_state_dict(self, {**state_dict, "state": dict(state_dict["state"])})
        hook.remove()


@pytest.mark.parametrize("make", [HandsOn, HandsOnInAnotherWay, Wraps], ids=lambda made: made.__name__)
def test_what_hands_the_dict_on_to_torch_has_no_part_in_its_defect(make):
    loads = Optimizer.load_state_dict
    run("load-no-aliasing", make, **ALONE)
    assert Optimizer.load_state_dict is loads


@pytest.mark.parametrize("make", [HandsOn, HandsOnInAnotherWay, Wraps], ids=lambda made: made.__name__)
def test_control_torchs_own_sharing_would_be_seen(make, monkeypatch):
    """Without the copy that stands between, each of them fails by what torch does."""
    monkeypatch.setattr(load_no_aliasing, "_TorchCopies", contextlib.nullcontext)
    caught("load-no-aliasing", "changed the dict that was loaded", make, **ALONE)


def test_a_functional_state_that_is_kept_is_caught():
    """Its steps replace the tensors, so only the caller's own change to the dict shows the sharing."""

    class Replaces(Keeps):
        def move(self, p, state, group):
            buffer = state.get("momentum_buffer", torch.zeros_like(p))
            state["momentum_buffer"] = group["momentum"] * buffer + p.grad
            p.sub_(group["lr"] * state["momentum_buffer"])

    caught("load-no-aliasing", "the dict was zeroed after loading", Replaces, **ALONE)
