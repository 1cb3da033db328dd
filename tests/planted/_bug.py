"""What a planted bug is."""

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


FOUND: list[Bug] = []


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
        FOUND.append(
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
