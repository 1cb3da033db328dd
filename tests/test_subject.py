"""An optimizer that was named is read once: who it is, what it takes, whose it is, how a step of it is driven."""

from __future__ import annotations

import functools

import pytest
import torch

from twinstep.bench.adapter import as_optimizer
from twinstep.bench.battery.against import against_of
from twinstep.bench.battery.context import context_for
from twinstep.bench.battery.subject import Owner, subject_of
from twinstep.reference.driving import Drive

SGD, SparseAdam = torch.optim.SGD, torch.optim.SparseAdam


class Theirs(SGD):
    def __init__(self, params, lr=0.1, **options):
        super().__init__(params, lr=lr, **options)


class TheirsOnRows(SparseAdam):
    pass


def factory(params, *, rate=0.1):
    return SGD(params, lr=rate)


@pytest.mark.parametrize(
    ("target", "label", "owner", "torch_name", "drive"),
    [
        (SGD, "torch.optim:SGD", Owner.TORCH, "SGD", Drive.DENSE),
        (functools.partial(SGD, fused=True), "torch.optim:SGD(fused=True)", Owner.TORCH, "SGD", Drive.DENSE),
        (SparseAdam, "torch.optim:SparseAdam", Owner.TORCH, "SparseAdam", Drive.ROWS),
        (torch.optim.LBFGS, "torch.optim:LBFGS", Owner.TORCH, "LBFGS", Drive.CLOSURE),
        ("adam", "adam", Owner.OURS, "", Drive.DENSE),
        (as_optimizer("lbfgs"), "lbfgs", Owner.OURS, "", Drive.CLOSURE),
        (Theirs, f"{__name__}:Theirs", Owner.STRANGER, "", Drive.DENSE),
        (factory, f"{__name__}:factory", Owner.STRANGER, "", Drive.DENSE),
    ],
)
def test_what_is_read(target, label, owner, torch_name, drive):
    found = subject_of(target)
    assert (found.label, found.owner, found.torch_name, found.drive) == (label, owner, torch_name, drive)
    assert found.listed == (owner is not Owner.STRANGER)


def test_what_the_signature_takes():
    assert subject_of(factory).options == {"rate": 0.1}
    assert subject_of(Theirs).catch_all and not subject_of(SGD).catch_all
    assert "fused" in subject_of(SGD).execution and "fused" not in subject_of(SGD).options
    fixed = subject_of(functools.partial(SGD, foreach=True))
    assert not fixed.execution, "one path is fixed, so none is left to choose"


def test_that_a_stranger_refuses_dense_gradients_only_a_trial_tells():
    assert subject_of(TheirsOnRows).drive is Drive.DENSE
    context = context_for(TheirsOnRows, "sparse_adam")
    assert context.subject.drive is Drive.ROWS
    param = torch.nn.Parameter(torch.ones(2))
    param.grad = torch.ones(2)
    context.build([param], lr=0.1).step()
    assert not param.grad.is_sparse and (param < 1).all()
    assert context_for(Theirs, "sparse_adam").subject.drive is Drive.DENSE, "control: it takes dense ones"


@pytest.mark.parametrize(
    ("target", "against", "label", "formula"),
    [
        (SGD, None, "momentum", "momentum"),
        ("adam", None, "torch.optim:Adam", "adam"),
        ("nadam", None, "torch.optim:NAdam, mended", "nadam"),
        (Theirs, SGD, "torch.optim:SGD", "momentum"),
        (Theirs, factory, f"{__name__}:factory", None),
    ],
)
def test_what_bounds_it(target, against, label, formula):
    found = against_of(subject_of(target), against)
    assert found is not None
    assert (found.label, found.spec and found.spec.name) == (label, formula)


def test_a_stranger_is_held_against_nothing_unless_it_is_said():
    assert against_of(subject_of(Theirs), None) is None
