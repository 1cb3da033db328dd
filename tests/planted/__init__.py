"""Planted bugs: what the battery must catch, as data. Each is a plain optimizer with one thing wrong.

`plain` holds the right classes, written as a stranger would write them: explicit loops, tensors changed in place,
nothing of this project. They are the proof of no false alarm for foreign code, and the ground that each bug changes
in one place. A file of this package holds the bugs of some families; a bug is a subclass below `@bug(...)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FAMILIES = {
    "T1": "formulas",
    "T2": "eps",
    "T3": "options ignored",
    "T4": "maximize",
    "T5": "learning rate captured or late",
    "T6": "groups mixed up",
    "T7": "None and late gradients",
    "T8": "inputs mutated or aliased",
    "T9": "saving and loading",
    "T10": "long runs",
    "T11": "paths",
    "T12": "shapes",
    "T13": "special values and low precision",
    "T14": "memory",
    "T15": "closure, protocol and global state",
}


@dataclass(frozen=True, kw_only=True)
class Bug:
    """One planted bug.

    key         T1 ... T15, its family
    cls         the mutant; its base is the right class, and `cls.twin` names the class of torch.optim it stands for
    check       the check that must catch it: of those that do, the one made for it
    origin      where it was met; "" where nobody reported it
    cause       what the diagnosis must say, where it is one of the conventions that are looked up
    supports    the abilities that its author declares
    quick       False: only the whole battery sees it
    steady      False: what else it fails changes from run to run, as its steps do
    """

    name: str
    key: str
    cls: type[Any]
    check: str
    origin: str = ""
    cause: str = ""
    supports: tuple[str, ...] = ()
    quick: bool = True
    steady: bool = True

    @property
    def what(self) -> str:
        return (self.cls.__doc__ or "").split("\n")[0]


_FOUND: list[Bug] = []


def bug(
    key: str,
    check: str,
    origin: str = "",
    *,
    cause: str = "",
    supports: tuple[str, ...] = (),
    quick: bool = True,
    steady: bool = True,
) -> Callable[[type], type]:
    """Registers a class; AdamBetasExchanged is called adam-betas-exchanged, SGDClips sgd-clips."""

    def register(cls: type) -> type:
        words = re.findall(r"SGD|LBFGS|RMSprop|AdamW|[A-Z][a-z0-9]*", cls.__name__)
        name = "-".join(words).lower()
        _FOUND.append(
            Bug(
                name=name,
                key=key,
                cls=cls,
                check=check,
                origin=origin,
                cause=cause,
                supports=supports,
                quick=quick,
                steady=steady,
            )
        )
        return cls

    return register


# ruff: isort: off
from . import formulas, settings, gradients, state, execution, protocol, derivatives, searches  # noqa: E402

_ = (formulas, settings, gradients, state, execution, protocol, derivatives, searches)
BUGS: tuple[Bug, ...] = tuple(_FOUND)
