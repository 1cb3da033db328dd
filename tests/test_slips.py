"""A formula's own source with one slip in a line: what a mistake without a name is looked up in, for any formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from twinstep.bench import as_optimizer, check_optimizer
from twinstep.bench.compare.diagnose import likely_cause
from twinstep.bench.compare.replay import trajectory
from twinstep.bench.compare.scenario import probe
from twinstep.reference.conventions import as_formula, slips, variants
from twinstep.scratch_impls import load, load_file

FORMULAS = Path(__file__).parent / "formulas"


class Lion(torch.optim.Optimizer):
    """Lion, whose average is weighed by `keeps`."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                m, (b1, _) = self.state[p].setdefault("exp_avg", torch.zeros_like(p)), group["betas"]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * (b1 * m + (1 - b1) * p.grad).sign())
                keeps = self.keeps(*group["betas"])
                m.mul_(keeps).add_(p.grad, alpha=1 - keeps)


class LionByTheFirst(Lion):
    def keeps(self, b1, b2):
        return b1


class LionByBoth(Lion):
    def keeps(self, b1, b2):
        return (b1 + b2) / 2


def cause_of(cls, name):
    (result,) = check_optimizer(cls, FORMULAS / f"{name}.py", checks=["many-steps"], quick=True).results
    assert result.status == "failed", str(result)
    return result.cause


def test_the_wrong_line_of_somebodys_formula_is_shown_beside_the_right_one():
    right = "beta2 * state['exp_avg'] + (1 - beta2) * grad"
    assert cause_of(LionByTheFirst, "lion") == f"`{right.replace('beta2', 'beta1')}` stands where `{right}` belongs"


def test_control_a_rule_that_is_no_slip_gets_no_cause():
    assert cause_of(LionByBoth, "lion") == ""


def test_every_slip_that_shows_is_found_again():
    """By itself, or by another that goes the same way."""
    spec, history = load_file(FORMULAS / "signum.py"), probe(0, steps=12)
    right, found, shown = trajectory(as_optimizer(spec), {}, history), 0, 0
    for slip in slips(spec, {}):
        make = as_optimizer(as_formula(spec, slip, {}))
        try:
            walked = trajectory(make, {}, history)
        except (ArithmeticError, NameError, RuntimeError, TypeError):
            continue
        if np.isfinite(walked).all() and np.abs(walked - right).max() > 1e-9:
            shown += 1
            found += bool(likely_cause(spec, make, {}, {}, history, "float64"))
    assert shown > 10 and found >= 0.9 * shown


def test_what_has_no_source_of_its_own_has_no_slips():
    spec = load("adam")
    assert len(list(slips(spec, {}))) > 50
    wrapped = next(v for v in variants(spec, {"weight_decay": 0.1}) if "decoupled" in v.says)
    assert not list(slips(wrapped.spec, {})) and not list(slips(load("lbfgs"), {}))


def test_no_slip_is_the_formula_itself():
    says = [slip.says for slip in slips(load("adam"), {})]
    assert len(set(says)) == len(says)
    for line in says:
        wrong, _, right = line.partition(" stands where ")
        assert wrong != right.removesuffix(" belongs")
