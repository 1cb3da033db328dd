"""What every check receives: the optimizer under judgement, what it is held against, and the cases."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from ...reference.known_defects import load_if_ours
from ...reference.local_model import asks_for_closure
from ...scratch_impls import Case, Spec, as_shape
from ..compare.replay import Factory
from .result import NotApplicable, NotDeclared

# What changes how a step is executed and not what it computes; `--supports` or the paths check judge these.
EXECUTION = ("foreach", "fused", "capturable", "differentiable")
SUPPORTS = ("sparse", "complex", "float16", "bfloat16", "tensor-lr", "grad-scaler")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An optimizer class or factory function, with what its signature says.

    make        (params, **hyper) -> optimizer
    options     hyperparameter -> default, as far as the signature names them; without those of EXECUTION
    execution   the options of EXECUTION that it takes
    catch_all   it takes **options, so the signature does not name them all
    """

    label: str
    make: Factory
    options: Mapping[str, Any]
    execution: tuple[str, ...] = ()
    catch_all: bool = False

    @property
    def cls(self) -> Any:
        """The class behind partials; what it is for a factory function."""
        made = self.make
        while isinstance(made, functools.partial):
            made = made.func
        return made

    @property
    def listed(self) -> bool:
        """A class of torch.optim or of this project, whose own defects are kept as data in `reference`."""
        spec = getattr(self.cls, "spec", None)
        ours = isinstance(spec, Spec) and load_if_ours(spec.name) is spec  # not somebody's formula file
        return ours or str(getattr(self.cls, "__module__", "")).startswith("torch.optim")


def subject_of(make: Factory, label: str) -> Subject:
    """Reads the signature: every parameter but the first is an option."""
    parameters = list(inspect.signature(make).parameters.values())
    named = [p for p in parameters[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    fixed = make.keywords if isinstance(make, functools.partial) else {}
    options = {p.name: p.default for p in named if p.name not in EXECUTION and p.name not in fixed}
    one_way = {"foreach", "fused"} & set(fixed)  # they exclude one another: a partial that fixes one leaves no choice
    execution = () if one_way else tuple(p.name for p in named if p.name in EXECUTION and p.name not in fixed)
    catch_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return Subject(label=label, make=make, options=options, execution=execution, catch_all=catch_all)


@dataclass(frozen=True, kw_only=True)
class Against:
    """What the subject is held against.

    make    (params, **hyper) -> optimizer
    spec    the formula that bounds the gap; None where nobody wrote one
    """

    label: str
    make: Factory
    spec: Spec | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """One battery's circumstances; checks read it and never change it.

    cases       hyperparameters that subject and reference both take, each with its reason; the first is the defaults
    quick       fewer cases, steps and dtypes
    supports    the abilities of SUPPORTS that are declared
    """

    subject: Subject
    against: Against | None
    cases: tuple[Case, ...]
    dtypes: tuple[str, ...] = ("float32", "float64")
    device: str = "cpu"
    quick: bool = False
    supports: frozenset[str] = frozenset()
    seed: int = 0

    def build(self, params: Any, **hyper: Any) -> Optimizer:
        """The subject over these parameters."""
        made: Optimizer = self.subject.make(params, **hyper)
        return made

    @property
    def spec(self) -> Spec | None:
        return self.against.spec if self.against else None

    @property
    def of_the_reference(self) -> Context | None:
        """The same circumstances with the reference as the subject; None where there is none."""
        if self.against is None:
            return None
        return dataclasses.replace(self, subject=subject_of(self.against.make, self.against.label))

    @property
    def dims(self) -> int | None:
        """The number of dimensions that every parameter must have."""
        return self.spec.dims if self.spec else None

    @property
    def whole(self) -> bool:
        """Whether a step evaluates the loss itself and moves all parameters as one vector, in one group."""
        return self.spec.closure if self.spec else asks_for_closure(self.subject.cls)

    @property
    def richest(self) -> Case:
        """The case with most options that are not as in the first, so with most state and most to forget."""
        usual = self.cases[0].hyper  # derived cases spell every option out: counting them would tell nothing
        return max(self.cases, key=lambda case: sum(n not in usual or usual[n] != v for n, v in case.hyper.items()))


@dataclass(frozen=True, kw_only=True)
class Check:
    """One named check, made by `@check` in a file of `checks/`.

    name        as `--checks` and expected_failures name it
    key         T1 ... T15, the kind of bug that it catches
    place       among the checks of its folder in the report
    function    Context -> None; raises Failed, NotApplicable or NotDeclared
    """

    name: str
    key: str
    place: int
    function: Callable[[Context], None]

    @property
    def text(self) -> str:
        """What holds, in full: the docstring of the check's file."""
        return inspect.cleandoc(sys.modules[self.function.__module__].__doc__ or "")

    @property
    def what(self) -> str:
        """What holds, in one line."""
        return self.text.partition("\n")[0]


def check(key: str, *, place: int) -> Callable[[Callable[[Context], None]], Check]:
    """Makes a function a check; its name with hyphens is the check's name."""

    def made(function: Callable[[Context], None]) -> Check:
        return Check(name=function.__name__.replace("_", "-"), key=key, place=place, function=function)

    return made


def each_for_itself(context: Context) -> None:
    """NotApplicable where no parameter goes its way alone, so that nothing can be said of one beside others."""
    if context.whole:
        raise NotApplicable("a step moves all parameters as one vector, by a loss that it evaluates itself")


def declared(context: Context, ability: str) -> None:
    """NotDeclared where its author has not said that it can do this."""
    if ability not in context.supports:
        raise NotDeclared(f"declare it with --supports {ability}")


# The dimensions that the rule under judgement asks of every parameter: no check need know of it.
_DIMS: ContextVar[int | None] = ContextVar("dims", default=None)


@contextlib.contextmanager
def judged_as(context: Context) -> Iterator[None]:
    """While inside, `parameters` makes such shapes as the context's rule takes."""
    token = _DIMS.set(context.dims)
    try:
        yield
    finally:
        _DIMS.reset(token)


def parameters(
    seed: int, shapes: tuple[tuple[int, ...], ...] = ((3, 2), (4,)), dtype: str = "float32", device: str = "cpu"
) -> list[torch.nn.Parameter]:
    """Fresh parameters of N(0, 1); one seed, one set of values. Shapes are fitted to the rule that is `judged_as`."""
    generator = torch.Generator().manual_seed(seed)
    made = [torch.randn(as_shape(shape, _DIMS.get()), generator=generator, dtype=torch.float64) for shape in shapes]
    return [torch.nn.Parameter(value.to(device, getattr(torch, dtype))) for value in made]


def gradients(seed: int, step: int, params: list[torch.nn.Parameter]) -> None:
    """Fills p.grad with new N(0, 1) tensors that depend on the seed and the step alone."""
    generator = torch.Generator().manual_seed(1000 * seed + step + 1)
    for p in params:
        p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.device, p.dtype)


def walk(optimizer: Optimizer, params: list[torch.nn.Parameter], steps: range, seed: int = 0) -> None:
    """Takes the steps of that range, each with the gradients of its number."""
    for step in steps:
        gradients(seed, step, params)
        optimizer.step()
