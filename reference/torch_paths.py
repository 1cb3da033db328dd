"""torch.optim in all its paths, with proof of which path ran.

A path is the way torch executes one step: a loop over parameters ("forloop"), horizontally fused multi-tensor calls
("foreach"), or one kernel for the whole update ("fused"). The three are different code, so each is judged.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch.optim import Optimizer

from .driving import driven_by_grad

_FLAGS: dict[str, dict[str, bool]] = {
    "forloop": {"foreach": False, "fused": False},
    "foreach": {"foreach": True, "fused": False},
    "fused": {"foreach": False, "fused": True},
}


def twin(name: str) -> type[Optimizer]:
    """The class of torch.optim of that name. LookupError where torch has none."""
    found = getattr(torch.optim, name, None)
    if not (inspect.isclass(found) and issubclass(found, Optimizer)):
        raise LookupError(f"torch.optim {torch.__version__} has no optimizer {name!r}")
    return found


def paths(name: str) -> tuple[str, ...]:
    """The paths that this class has, in a fixed order; "forloop" is always one of them."""
    accepted = inspect.signature(twin(name)).parameters
    # By the signature, not by a table: fused arrived class by class, and may arrive for more.
    return tuple(p for p in _FLAGS if p == "forloop" or p in accepted)


def options(name: str) -> set[str]:
    """The hyperparameters that the installed version of this class takes."""
    return set(inspect.signature(twin(name)).parameters) - {"params"}


def build(name: str, path: str, params: Any, *, mended: bool = False, **hyper: Any) -> Optimizer:
    """The torch optimizer `name`, made to take one path. ValueError when the class has no such path.

    mended      keep the numbers of its state (not the tensors) in float64, as torch does by itself where that is the
                default format, else they are float32 whatever the format of the parameters; and Muon's matrices in the
                parameter's format, else they are bfloat16
    """
    if path not in paths(name):
        raise ValueError(f"torch.optim.{name} has no path {path!r}; it has {', '.join(paths(name))}")
    accepted = inspect.signature(twin(name)).parameters
    # False, not None: None lets torch choose by the device.
    flags: dict[str, Any] = {flag: on for flag, on in _FLAGS[path].items() if flag in accepted}
    return (mended_twin(name) if mended else driven_by_grad(twin(name)))(params, **hyper, **flags)


def line_search() -> Any:
    """The search along a line by which torch's LBFGS finds the length of a step; it is not public."""
    # torch/optim/__init__.py deletes the names of its modules, so that `torch.optim.lbfgs` is none to be asked.
    return vars(sys.modules[twin("LBFGS").__module__])["_strong_wolfe"]


@functools.cache
def mended_twin(name: str) -> type[Optimizer]:
    """The class of that name without a known defect: what causes it is taken away while it steps."""
    cls = twin(name)

    def within(name: str) -> Any:
        def method(self: Optimizer, *given: Any, **options: Any) -> Any:
            with _MENDS.get(cls.__name__, _float64_by_default)():
                return getattr(cls, name)(self, *given, **options)

        return method

    return type(cls.__name__, (cls,), {method: within(method) for method in ("step", "load_state_dict")})


@contextlib.contextmanager
def _float64_by_default() -> Iterator[None]:
    # torch keeps its counters in float32 unless float64 is the default format (`_get_scalar_dtype`), and takes powers
    # of them: 1 - 0.999**t is then 1.3e-5 off, whatever the parameters' format.
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _without_bfloat16() -> Iterator[None]:
    # torch's Muon calls .bfloat16() in the middle of its step (`_zeropower_via_newtonschulz`): two digits, where the
    # formula keeps the format.
    before = torch.Tensor.bfloat16
    torch.Tensor.bfloat16 = torch.Tensor.clone  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.bfloat16 = before  # type: ignore[method-assign]


_MENDS = {"Muon": _without_bfloat16}


def path_that_ran(optimizer: Optimizer) -> str:
    """Takes one profiled step and reads from the operator names which path it took.

    fused: an `_fused_` operator ran; foreach: a `_foreach_` one and no fused one (fused Adam and Adagrad run
    `_foreach_add_` for their counters as well); forloop: neither.
    """
    ran = operators(optimizer)
    if any("_fused_" in key for key in ran):
        return "fused"
    return "foreach" if any("_foreach_" in key for key in ran) else "forloop"


def operators(optimizer: Optimizer) -> list[str]:
    """The names of the operators that one step runs, sorted; the step is taken."""
    with _quiet(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        optimizer.step()
    return sorted({event.key for event in profile.key_averages() if event.key.startswith("aten::")})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The profiler's library writes to the error stream itself, below Python; it has nothing to say here."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
