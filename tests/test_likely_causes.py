"""What is named as the likely cause was tested on this failure; where nothing was, nothing is named."""

from __future__ import annotations

import pytest
import torch
from checks.one_check import verdict
from planted.plain import PlainAdam, PlainRMSprop, PlainSGD


class DecoupledInFloat32(PlainAdam):
    """Weight decay is decoupled, and all is computed in float32."""

    def step_one(self, p, grad, state, group):
        wide = p.float() * (1 - group["lr"] * group["weight_decay"])
        super().step_one(wide, grad.float(), state, {**group, "weight_decay": 0})
        p.copy_(wide)


class SlightlyLong(PlainSGD):
    """Its steps are longer by what float32 hardly shows: small, but nothing is computed in float32."""

    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "lr": group["lr"] * (1 + 1e-9)})


class SumForAverage(torch.optim.RMSprop):
    """The centered form subtracts the square of a sum."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, centered=False):
        super().__init__(params, lr=lr, alpha=alpha, eps=eps, centered=centered)

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.one(p, p.grad, self.state[p], group)

    def one(self, p, g, state, group):
        a = group["alpha"]
        v = state["square_avg"] = a * state.get("square_avg", 0 * p) + (1 - a) * g * g
        if group["centered"]:
            m = state["grad_avg"] = a * state.get("grad_avg", 0 * p) + g
            v = v - m * m
        p.sub_(group["lr"] * g / (v.sqrt() + group["eps"]))


class TenthPower(torch.optim.SGD):
    def __init__(self, params, lr=1e-2):
        super().__init__(params, lr)

    @torch.no_grad()
    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            v = self.state[p]["power"] = p.grad.abs() ** 10
            p.sub_(self.param_groups[0]["lr"] * p.grad / (v**0.1 + 1e-8))


class NoEps(PlainRMSprop):
    def step_one(self, p, grad, state, group):
        super().step_one(p, grad, state, {**group, "eps": 0.0})


def test_a_cause_is_looked_up_in_the_format_that_failed():
    """In float64 it agrees with no convention, since it does not compute in it."""
    found = verdict(DecoupledInFloat32, "one-step", torch.optim.Adam, dtypes=("float32",))
    assert found.cause == "weight decay is decoupled instead of added to the gradient"


def test_what_is_decoupled_and_in_float32_is_told_as_both():
    found = verdict(DecoupledInFloat32, "one-step", torch.optim.Adam)
    decoupled = "weight decay is decoupled instead of added to the gradient"
    assert found.cause.startswith(f"{decoupled}; and with parameters of float64") and "float32" in found.cause


def test_that_float64_alone_fails_is_no_cause():
    """Control: in tests/test_float64_only_failures.py those that do compute in float32 are told so."""
    found = verdict(SlightlyLong, "many-steps", torch.optim.SGD)
    assert found.status == "failed" and found.dtype == "float64" and "float32" not in found.cause
    assert "in float32 it passes" in found.message


FAR_BELOW = "its parameters are not finite after step 1: the root of a number far below 0, which no rounding explains"


@pytest.mark.parametrize("against", [None, torch.optim.RMSprop], ids=["alone", "beside torch's"])
def test_a_root_far_below_0_is_no_rounding(against):
    found = verdict(SumForAverage, "constant-gradients", against, quick=True)
    assert (found.status, found.cause) == ("failed", FAR_BELOW)
    if against:
        assert "torch.optim:RMSprop, which it is held against, after step 1" in found.message, "which is another reason"


def test_control_where_it_is_rounding_that_is_said():
    found = verdict(torch.optim.RMSprop, "constant-gradients", quick=True)
    assert found.cause.endswith("a difference of two averages rounds below 0 under the root")


def test_an_overflow_is_told_with_the_gradients_that_cause_it():
    found = verdict(TenthPower, "constant-gradients", quick=True)
    assert found.cause == "its state is not finite after step 1: a power overflows the format"
    assert "it begins with gradients of 7e+03" in found.message or "gradients of 1e+04" in found.message, found.message


def test_of_what_is_never_finite_every_check_says_that_alone():
    class NoSquare(SumForAverage):
        def one(self, p, g, state, group):
            p.sub_(group["lr"] * g / ((g - 2).sqrt() + group["eps"]))

    for name in ("no-aliasing", "closure", "groups", "mixed-dtypes", "one-step", "descends"):
        found = verdict(NoSquare, name, torch.optim.RMSprop, quick=True)
        assert found.status == "failed" and found.cause == FAR_BELOW and "nan against nan" not in found.message


def test_a_division_by_0_is_told_as_one():
    found = verdict(NoEps, "zero-gradients", torch.optim.RMSprop, quick=True)
    assert found.status == "failed" and "0/0" in found.cause
