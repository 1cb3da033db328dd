"""The problems. This folder is the registry: a file that defines PROBLEM is a problem, and nothing else lists it.

A name is the file's with hyphens: digits-mlp stands in digits_mlp.py. Listing the names loads no torch, so
that a misspelt one is answered at once.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....scratch_impls import UnknownName, nearest

if TYPE_CHECKING:
    from ._problem import Objective, Plane, Problem

__all__ = ["Objective", "Plane", "Problem", "all_problems", "load", "names"]


def __getattr__(name: str) -> Any:
    if name not in ("Objective", "Plane", "Problem"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("._problem", __package__), name)


def names() -> tuple[str, ...]:
    """The problems of this folder, sorted."""
    stems = (p.stem for p in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems if not stem.startswith("_")))


def check_name(name: str) -> None:
    """UnknownName names the nearest."""
    if name not in names():
        raise UnknownName(f"no problem {name!r}: {nearest(name, names())}")


@functools.cache
def load(name: str) -> Problem:
    """One problem. UnknownName names the nearest; TypeError says what a file lacks."""
    check_name(name)
    from ._problem import Problem

    stem = name.replace("-", "_")
    problem = getattr(importlib.import_module(f".{stem}", __package__), "PROBLEM", None)
    if not isinstance(problem, Problem):
        raise TypeError(f"{stem}.py must define PROBLEM = Problem(...)")
    if problem.name != name:
        raise TypeError(f"{stem}.py: its name is {problem.name!r}, and the file makes it {name!r}: make them the same")
    return problem


def all_problems() -> tuple[Problem, ...]:
    """Every problem of this folder, sorted by name."""
    return tuple(load(name) for name in names())
