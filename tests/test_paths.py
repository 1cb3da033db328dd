"""The path of torch that was asked for is the path that ran: read from a profile, not from a flag."""

from __future__ import annotations

import pytest
import torch

from twinstep.reference import torch_paths

CELLS = [(name, path) for name in ("SGD", "Adagrad", "RMSprop") for path in torch_paths.paths(name)]


def optimizer(name, path):
    params = [torch.nn.Parameter(torch.ones(64)) for _ in range(2)]
    for p in params:
        p.grad = torch.ones(64)
    return torch_paths.build(name, path, params, lr=0.1)


@pytest.mark.parametrize(("name", "path"), CELLS)
def test_the_path_asked_for_is_the_path_that_ran(name, path):
    assert torch_paths.path_that_ran(optimizer(name, path)) == path


def test_control_a_flag_that_is_ignored_is_seen():
    """An optimizer that claims to be fused and loops is found out."""
    claimed = optimizer("SGD", "fused")
    for group in claimed.param_groups:
        group["fused"], group["foreach"] = False, False
    assert torch_paths.path_that_ran(claimed) == "forloop"


def test_rmsprop_has_no_fused_path():
    assert torch_paths.paths("RMSprop") == ("forloop", "foreach")
    with pytest.raises(ValueError, match="no path 'fused'"):
        optimizer("RMSprop", "fused")


def test_a_class_that_torch_lacks():
    with pytest.raises(LookupError, match="has no optimizer 'Sgd'"):
        torch_paths.twin("Sgd")
