"""A failure that float64 alone shows says so, and names the option that leaves float64 out."""

from __future__ import annotations

import pytest
import torch
from checks.one_check import verdict
from checks.right_optimizers import MomentumWithDecay
from checks.shared_mistakes import OneCounter, SignAfterDecay


class Float32State(MomentumWithDecay):
    """Its velocity is float32, whatever the parameters are."""

    def velocity(self, g, state, group):
        state["v"] = (group["momentum"] * state["v"] + g if "v" in state else g.clone()).float()
        return state["v"]


class Float32Only(MomentumWithDecay):
    def one(self, p, g, state, group):
        torch.mm(torch.ones(1, 1), torch.ones(1, 1, dtype=p.dtype))  # raises, and not on purpose
        super().one(p, g, state, group)


class RefusesFloat64(MomentumWithDecay):
    def one(self, p, g, state, group):
        if p.dtype is not torch.float32:
            raise TypeError("float32 only")
        super().one(p, g, state, group)


class ThroughFloat32(MomentumWithDecay):
    def one(self, p, g, state, group):
        super().one(p, g.float().to(p.dtype), state, group)


FLOAT32_ONLY = [
    (Float32Only, "many-steps", "it works in float32 only: with parameters of float64 a step raises RuntimeError"),
    (Float32Only, "step-moves", "it works in float32 only: with parameters of float64 a step raises RuntimeError"),
    (ThroughFloat32, "many-steps", "it is right in float32 only: with parameters of float64 something is not computed"),
]


@pytest.mark.parametrize(("cls", "name", "cause"), FLOAT32_ONLY, ids=lambda x: getattr(x, "__name__", x))
def test_a_failure_that_float64_alone_shows_says_so(cls, name, cause):
    found = verdict(cls, name, torch.optim.SGD)
    assert found.status == "failed" and found.cause.startswith(cause) and "--dtype float32" in found.message, str(found)
    in_float32 = verdict(cls, name, torch.optim.SGD, dtypes=("float32",))
    assert in_float32.status == "passed", str(in_float32)


def test_state_that_loading_casts_is_told_as_that():
    """A truer cause than the format alone: torch casts loaded state to the parameter's format."""
    found = verdict(Float32State, "save-load", torch.optim.SGD)
    assert (found.status, found.dtype) == ("failed", "float64"), str(found)
    assert found.cause == "loading casts the state to another format", str(found)
    assert verdict(Float32State, "save-load", torch.optim.SGD, dtypes=("float32",)).status == "passed"


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64",)])
def test_control_what_float32_shows_as_well_has_another_cause(dtypes):
    for cls, name, against in ((SignAfterDecay, "maximize", None), (OneCounter, "many-steps", torch.optim.SGD)):
        found = verdict(cls, name, against, dtypes=dtypes)
        assert found.status == "failed" and "float32 only" not in found.cause, str(found)


def test_what_refuses_float64_on_purpose_is_judged_in_float32_and_told_so():
    for name in ("many-steps", "step-moves", "save-load"):
        assert verdict(RefusesFloat64, name, torch.optim.SGD).status == "passed"
    told = verdict(RefusesFloat64, "is-an-optimizer", torch.optim.SGD)
    assert told.status == "passed" and told.message == "it refuses float64: TypeError: float32 only"
