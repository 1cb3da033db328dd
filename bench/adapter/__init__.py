"""A Spec as a torch.optim.Optimizer: a class that takes the place of torch's own in anybody's training loop.

Imports records/ alone of bench/. The classes stand in files of their own; this one makes them of a Spec.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch

from ... import scratch_impls
from ...scratch_impls import Spec
from .closure_optimizer import ScratchClosureOptimizer
from .numpy_arrays import on_arrays
from .optimizer import ScratchOptimizer
from .together_optimizer import ScratchTogetherOptimizer

__all__ = ["ScratchClosureOptimizer", "ScratchOptimizer", "as_optimizer", "class_name", "numpy_optimizer"]


def class_name(spec: Spec) -> str:
    """ScratchSparseAdam for sparse_adam."""
    return "Scratch" + "".join(part.capitalize() for part in spec.name.split("_"))


def as_optimizer(spec: Spec | str, *, compiled: bool = False) -> type[ScratchOptimizer]:
    """The optimizer class of a Spec, or of the registered optimizer of that name; the same class at every call.

    compiled    run the update through torch.compile (needs a C++ compiler); numbers and state stay the same

    UnknownName for a name that is not registered. The gate of an older commit calls this by its path, in whatever head
    it judges: `bench.adapter.as_optimizer` stays where it is.
    """
    return _class_of(scratch_impls.load(spec) if isinstance(spec, str) else spec, torch.compile if compiled else None)


@functools.cache
def numpy_optimizer(spec: Spec) -> type[ScratchOptimizer]:
    """The formula on the NumPy arrays under the parameters, for comparison only: it copies what it is given."""
    return _class_of(spec, functools.partial(on_arrays, spec))


@functools.cache
def _class_of(spec: Spec, execute: Callable[..., Any] | None) -> type[ScratchOptimizer]:
    update = execute(spec.update) if execute else spec.update
    # The module by whose __getattr__ pickle finds the class again, not the one of its base.
    body = {"spec": spec, "update": staticmethod(update), "__module__": __name__, "__doc__": spec.formula}
    together = ScratchTogetherOptimizer if spec.together else ScratchOptimizer
    base = ScratchClosureOptimizer if spec.closure else together
    made = type(class_name(spec), (base,), body)
    # For whoever asks what options it takes: __init__ has **hyper, which would say nothing.
    params = inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    hyper = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d) for n, d in spec.defaults.items()]
    made.__signature__ = inspect.Signature([params, *hyper])  # type: ignore[attr-defined]
    return made


def __getattr__(name: str) -> Any:
    """ScratchGd, ScratchRmsprop, ...: one class for each file in scratch_impls, so that optimizers pickle by name."""
    every = (*scratch_impls.names(), *scratch_impls.literature_names()) if name.startswith("Scratch") else ()
    for spec in map(scratch_impls.load, every):
        if class_name(spec) == name:
            return as_optimizer(spec)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
