"""An optimizer that was named, read once: who it is, what it takes, whose code it is, how a step of it is driven.

The target and what it is held against are both read here; whoever comes after reads the value and asks no class again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import inspect
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from ... import scratch_impls
from ...reference.driving import Drive, drive_of, driven_by_grad
from ...reference.known_defects import load_if_ours
from ...scratch_impls import Spec
from ..adapter import ScratchOptimizer, as_optimizer
from ..compare.replay import Factory
from . import global_state
from .guard import no_exit

# What changes how a step is executed and not what it computes; `--supports` or the paths check judge these.
EXECUTION = ("foreach", "fused", "capturable", "differentiable")


class Owner(enum.Enum):
    """Whose code it is. The defects of torch's and of ours are kept as data in `reference`, so checks excuse less."""

    TORCH = "torch.optim"
    OURS = "scratch_impls"
    STRANGER = "somebody else, formula files among them"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An optimizer class or factory function, with all that is found out by looking at it.

    make        (params, **hyper) -> optimizer
    options     hyperparameter -> default, as far as the signature names them; without those of EXECUTION
    execution   the options of EXECUTION that it takes
    catch_all   it takes **options, so the signature does not name them all
    owner       whose code it is
    torch_name  the public name under which torch.optim has this very class; "" for any other, subclasses too
    formula     the Spec that it steps by, where it is a class of `as_optimizer` or a subclass of one
    drive       what a step of it needs
    """

    label: str
    make: Factory
    options: Mapping[str, Any]
    execution: tuple[str, ...] = ()
    catch_all: bool = False
    owner: Owner = Owner.STRANGER
    torch_name: str = ""
    formula: Spec | None = None
    drive: Drive = Drive.DENSE

    @property
    def cls(self) -> Any:
        """The class behind partials; what it is for a factory function."""
        return _behind_partials(self.make)

    @property
    def listed(self) -> bool:
        """Whether its own defects are kept as data in `reference`."""
        return self.owner is not Owner.STRANGER

    @property
    def trains(self) -> bool:
        """Whether it has train() and eval(), as schedule-free ones, which step in the first alone."""
        if self.formula is not None:  # made in the mode for training, whatever its rule
            return False
        return isinstance(self.cls, type) and all(callable(getattr(self.cls, n, None)) for n in ("train", "eval"))

    def driven(self, drive: Drive | None = None) -> Subject:
        """The same, stepping by dense gradients in p.grad; drive says what a step needs where a trial has shown it.

        What has a mode for training is made in it.
        """
        drive = drive or self.drive
        make = driven_by_grad(self.make, drive)
        return dataclasses.replace(self, make=_InTrainMode(make) if self.trains else make, drive=drive)


class _InTrainMode(functools.partial[Any]):
    """Makes it, and calls its train()."""

    def __call__(self, *args: Any, **hyper: Any) -> Any:
        made = super().__call__(*args, **hyper)
        made.train()
        return made


def subject_of(target: Any, label: str | None = None) -> Subject:
    """Reads whatever may be judged: a class, a factory function, a scratch optimizer's name, a Spec, a formula file.

    label   what reports call it; else it is named as it was given, or as it can be imported
    target  may be such a value itself, of who knows more of it than can be seen: it is taken as it is

    Raises TypeError for what cannot be called, UnknownName or SpecError where a name or a file leads to no formula.
    """
    if isinstance(target, Subject):
        return target
    if isinstance(target, (str, Path)):
        label, target = label or str(target), spec_named(target)
    make = as_optimizer(target) if isinstance(target, Spec) else target
    if not callable(make):
        raise TypeError(f"{make!r} is a {type(make).__name__}, not an optimizer class or a function that makes one")
    cls = _behind_partials(make)
    formula = cls.spec if isinstance(cls, type) and issubclass(cls, ScratchOptimizer) else None
    return Subject(
        label=label_of(make) if label is None else label, make=make, **_signature(make), owner=_owner(cls, formula),
        torch_name=_torch_name(cls), formula=formula, drive=drive_of(cls),
    )  # fmt: skip


def spec_named(name: str | Path) -> Spec:
    """The Spec of a scratch optimizer's name or of a formula file."""
    is_file = isinstance(name, Path) or name.endswith(".py")
    return scratch_impls.load_file(name) if is_file else scratch_impls.load(name)


def label_of(make: Any) -> str:
    """As it is imported, MODULE:NAME, and what a partial fixes; of a formula's class the formula's name."""
    if isinstance(make, _InTrainMode):
        return label_of(make.func)
    if isinstance(make, functools.partial):
        fixed = ", ".join(f"{name}={value}" for name, value in make.keywords.items())
        return f"{label_of(make.func)}({fixed})"
    if isinstance(make, type) and issubclass(make, ScratchOptimizer):
        return make.spec.name
    module = "torch.optim" if _torch_name(make) else getattr(make, "__module__", "")
    return f"{module}:{getattr(make, '__qualname__', type(make).__name__)}"


def _behind_partials(make: Any) -> Any:
    while isinstance(make, functools.partial):
        make = make.func
    return make


def fixed_by(make: Any) -> dict[str, Any]:
    """The options that partials fix, but for those of execution."""
    found: dict[str, Any] = {}
    # functools flattens a partial of a partial, but none that was given attributes of its own.
    while isinstance(make, functools.partial):
        found = {**make.keywords, **found}  # the outer one rules
        make = make.func
    return {name: value for name, value in found.items() if name not in EXECUTION}


def _signature(make: Factory) -> dict[str, Any]:
    """Every parameter but the first is an option."""
    parameters = list(inspect.signature(make).parameters.values())
    named = [p for p in parameters[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    fixed: dict[str, Any] = {}
    inner = make
    while isinstance(inner, functools.partial):
        fixed, inner = {**inner.keywords, **fixed}, inner.func
    one_way = {"foreach", "fused"} & set(fixed)  # they exclude one another: a partial that fixes one leaves no choice
    return {
        "options": {p.name: p.default for p in named if p.name not in EXECUTION and p.name not in fixed},
        "execution": () if one_way else tuple(p.name for p in named if p.name in EXECUTION and p.name not in fixed),
        "catch_all": any(p.kind is p.VAR_KEYWORD for p in parameters),
    }


def _torch_name(cls: Any) -> str:
    # The very object, since somebody's own class may be called Adam too.
    mine = isinstance(cls, type) and issubclass(cls, Optimizer) and getattr(torch.optim, cls.__name__, None) is cls
    return cls.__name__ if mine else ""


def _owner(cls: Any, formula: Spec | None) -> Owner:
    if formula is not None and load_if_ours(formula.name) is formula:  # not somebody's formula file
        return Owner.OURS
    # By the module and not by the public name: the classes that stand in for torch's keep its module (`driving`).
    module = str(getattr(cls, "__module__", ""))
    return Owner.TORCH if f"{module}.".startswith("torch.optim.") else Owner.STRANGER  # torch_optimizer is another's


def tried_drive(make: Factory, hyper: Mapping[str, Any], device: str) -> Drive | None:
    """ROWS where a throw-away parameter's step is refused with a dense gradient and taken with a sparse one; else None.

    Nothing that could be read says so of somebody else's class: torch's own says it in an error at the first step.
    """

    def takes(gradient: torch.Tensor) -> bool:
        # A matrix, since some rules take nothing else (torch's Muon).
        param = torch.nn.Parameter(torch.zeros(1, 1, device=device))
        param.grad = gradient
        try:
            with no_exit(), contextlib.redirect_stdout(io.StringIO()):
                make([param], **hyper).step()
        except (Exception, SystemExit):
            return False
        return True

    dense, before = torch.ones(1, 1, device=device), global_state.read()
    try:
        return Drive.ROWS if not takes(dense) and takes(dense.to_sparse()) else None
    finally:
        global_state.put_back(before)
