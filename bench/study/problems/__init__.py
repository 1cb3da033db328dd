"""The problems. This folder is the registry: a file that defines PROBLEM is a problem, and nothing else lists it.

A name is the file's with hyphens: digits-mlp stands in digits_mlp.py.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

from ....scratch_impls import UnknownName, nearest
from ._problem import Objective, Plane, Problem

__all__ = ["Objective", "Plane", "Problem", "all_problems", "load", "names"]


def names() -> tuple[str, ...]:
    """The problems of this folder, sorted."""
    stems = (p.stem for p in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems if not stem.startswith("_")))


@functools.cache
def load(name: str) -> Problem:
    """One problem. UnknownName names the nearest; TypeError says what a file lacks."""
    if name not in names():
        raise UnknownName(f"no problem {name!r}: {nearest(name, names())}")
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
