"""The strangers as `twinstep check` can name them: `subjects:ID`, each of packages/*.toml with the options it fixes."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from typing import Any

import table

STRANGERS = {stranger["id"]: stranger for stranger in table.known()["stranger"]}


def bare(*packages: str) -> None:
    """Makes packages importable without running their __init__, where that needs what is not installed."""
    for name in packages:
        if name not in sys.modules and (spec := importlib.util.find_spec(name)) is not None:
            sys.modules[name] = importlib.util.module_from_spec(spec)


def _judged(cls: Any, fixed: Mapping[str, Any]) -> Any:
    """The class; behind a function with a signature where options are fixed, or taken by a catch-all that no twin has.

    A catch-all would be handed the twin's options, and pytorch_optimizer's keeps them for features of its own.
    """
    signature = inspect.signature(cls)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD and p.name not in fixed]
    if len(named) == len(signature.parameters):
        return cls

    def make(params: Any, **options: Any) -> Any:
        return cls(params, **fixed, **options)

    make.__signature__ = signature.replace(parameters=named, return_annotation=Any)  # type: ignore[attr-defined]
    return make


def __getattr__(name: str) -> Any:
    if name not in STRANGERS:
        raise AttributeError(name)
    entry = STRANGERS[name]
    bare(*entry["bare"])
    module, _, cls = entry["class"].partition(":")
    return _judged(getattr(importlib.import_module(module), cls), table.options(entry))
