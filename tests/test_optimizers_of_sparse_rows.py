"""What takes sparse gradients alone is found out and fed them, whoever wrote it, and judged as everything else."""

from __future__ import annotations

import functools
import inspect
import sys
from types import ModuleType

import pytest

from twinstep.bench.adapter import as_optimizer
from twinstep.bench.battery.context import context_for
from twinstep.bench.battery.judge import check_optimizer
from twinstep.reference import torch_paths


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
