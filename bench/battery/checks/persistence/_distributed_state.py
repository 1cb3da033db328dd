"""torch.distributed.checkpoint.state_dict in one process, without a process group: by the names of parameters."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from ...result import NotApplicable
from ..protocol.signatures import require_an_optimizer_of_its_own
from ..state import groups_of


def require_distributed() -> None:
    """NotApplicable where torch was built without it."""
    if not torch.distributed.is_available():
        raise NotApplicable("this torch has no torch.distributed")


def require_state_of_parameters(optimizer: Optimizer) -> None:
    """NotApplicable where it could not even be asked: state and groups that no parameter's name leads to."""
    require_an_optimizer_of_its_own(optimizer)
    groups_of(optimizer)
    if others := [key for key in optimizer.state if not isinstance(key, torch.Tensor)]:
        raise NotApplicable(
            f"it has state under {others[0]!r}, and torch.distributed.checkpoint saves that of parameters"
        )


def saved_by_name(optimizer: Optimizer, params: Sequence[torch.nn.Parameter]) -> dict[str, Any]:
    """What get_optimizer_state_dict gives; of a fresh optimizer it makes the state first, by a step on zeros."""
    # Here, since torch.distributed takes half a second to import, and most checks need none of it.
    from torch.distributed.checkpoint import state_dict

    with _quiet(), _of_parameters(optimizer):
        found: dict[str, Any] = state_dict.get_optimizer_state_dict(_module(params), optimizer)
    return found


def load_by_name(optimizer: Optimizer, params: Sequence[torch.nn.Parameter], saved: dict[str, Any]) -> None:
    from torch.distributed.checkpoint import state_dict

    with _quiet(), _of_parameters(optimizer):
        state_dict.set_optimizer_state_dict(_module(params), optimizer, optim_state_dict=saved)


@contextlib.contextmanager
def _of_parameters(optimizer: Optimizer) -> Iterator[None]:
    """No fault is a KeyError of torch's for state under another key, which the step made that makes the state."""
    try:
        yield
    except KeyError:
        require_state_of_parameters(optimizer)
        raise


def _module(params: Sequence[torch.nn.Parameter]) -> torch.nn.Module:
    """A module whose parameters are these; their names are the same for every list as long."""
    return torch.nn.ParameterList(params)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """torch's own deprecations of what its functions use are none of the optimizer's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
