"""A copy goes on as the original does, and shares nothing with it."""

from __future__ import annotations

import collections
import copy
import sys
from types import ModuleType

import torch

from .one_check import ALONE, caught
from .right_optimizers import Momentum


def test_a_copy_that_shares_is_caught():
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

    caught("copy-and-pickle", "of a deepcopy changed the original", Shares, **ALONE)
    caught("copy-and-pickle", r"step 10 of a deepcopy made after step 5: p0.param\[0\]", Forgets, **ALONE)


def test_an_optimizer_that_loses_state_in_a_pickle_is_caught(monkeypatch):
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
    caught("copy-and-pickle", r"an unpickled copy", Sheds, **ALONE)
