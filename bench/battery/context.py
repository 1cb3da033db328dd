"""What every check receives: the optimizer under judgement, what it is held against, and the cases."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from ...reference.driving import Drive
from ...scratch_impls import Case, Spec, SpecError
from .against import Against, against_of
from .cases import DEFAULT, cases_for, differing_defaults
from .design.declarations import DECLARATIONS
from .design.judged import fitted, judged, judged_as, not_by_design, note
from .design.seen import Seen, Shape
from .request import BATTERIES, DTYPES, SUPPORTS, names_of
from .result import NotApplicable, NotDeclared
from .subject import EXECUTION, Subject, subject_of, tried_drive

# What a check's file takes from here; the values that it reads are defined beside.
__all__ = [
    "EXECUTION", "SUPPORTS", "Against", "Check", "Context", "Subject", "check", "context_for", "declared",
    "each_for_itself", "fitted", "gradients", "judged", "judged_as", "not_by_design", "note", "parameters",
    "subject_of", "walk",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Context:
    """One battery's circumstances; checks read it and never change it.

    cases       hyperparameters that subject and reference both take, each with its reason; the first is the defaults
    quick       fewer cases, steps and dtypes
    supports    the abilities of SUPPORTS that are declared
    declared    the words of DECLARATIONS: what is so by design
    shapes      those to judge with; unless given, those that each check asks for, larger where they are refused
    given       the cases are somebody's choice: one that is refused is a fault then
    notes       what was found out and changes how it is judged, for the report
    threads     torch's, in every check
    battery     the version whose questions are asked
    """

    subject: Subject
    against: Against | None
    cases: tuple[Case, ...]
    dtypes: tuple[str, ...] = ("float32", "float64")
    device: str = "cpu"
    quick: bool = False
    supports: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()
    shapes: tuple[Shape, ...] = ()
    given: bool = False
    notes: tuple[str, ...] = ()
    seed: int = 0
    threads: int = 1
    battery: str = BATTERIES[-1]

    def asks(self, since: str) -> bool:
        """Whether this battery asks what checks of an older name ask since that version.

        Such a question may turn red what passed; a mended false accusation may not, and holds in every version.
        """
        return BATTERIES.index(since) <= BATTERIES.index(self.battery)

    def build(self, params: Any, **hyper: Any) -> Optimizer:
        """The subject over these parameters; one that draws random numbers, from one random state."""
        self.seen.seed(self.seed)
        made: Optimizer = self.subject.make(params, **hyper)
        return made

    @functools.cached_property
    def seen(self) -> Seen:
        """What trials of the subject show."""
        return Seen(self)

    @functools.cached_property
    def settled(self) -> Context:
        """The same after a look at the subject: what checks receive."""
        from .design.settled import settled  # it makes contexts

        return settled(self)

    @property
    def one_rate(self) -> str:
        """Why a history must keep one learning rate, by either side; "" where both groups say one."""
        theirs = self.of_the_reference
        return self.seen.one_rate or (theirs.seen.one_rate if theirs else "")

    @property
    def spec(self) -> Spec | None:
        return self.against.spec if self.against else None

    @property
    def draws(self) -> str:
        """Whether a step of either side depends on random numbers, as declared or as seen."""
        theirs = self.of_the_reference
        if "stochastic" in self.declared or self.seen.draws:
            return "it draws random numbers"
        return f"{theirs.subject.label} draws random numbers" if theirs and theirs.seen.draws else ""

    @functools.cached_property
    def of_the_reference(self) -> Context | None:
        """The same circumstances with the reference as the subject; None where there is none."""
        if self.against is None:
            return None
        taken = tuple(dataclasses.replace(case, hyper=self.against.taken(case.hyper)) for case in self.cases)
        return dataclasses.replace(self, subject=self.against.as_subject, cases=taken)

    @property
    def dims(self) -> int | None:
        """The number of dimensions that every parameter must have."""
        return self.spec.dims if self.spec else None

    @property
    def whole(self) -> bool:
        """Whether a step evaluates the loss itself and moves all parameters as one vector, in one group."""
        return self.spec.closure if self.spec else self.subject.drive is Drive.CLOSURE

    @property
    def richest(self) -> Case:
        """The case with most options that are not as in the first, so with most state and most to forget."""
        if not self.cases:
            return DEFAULT
        usual = self.cases[0].hyper  # derived cases spell every option out: counting them would tell nothing
        return max(self.cases, key=lambda case: sum(n not in usual or usual[n] != v for n, v in case.hyper.items()))


def context_for(
    target: Any,
    against: Any = None,
    *,
    cases: Sequence[Case] | None = None,
    dtypes: Sequence[str] = DTYPES,
    supports: Iterable[str] | None = None,
    declare: Iterable[str] | None = None,
    shapes: Iterable[Sequence[int]] | None = None,
    quick: bool = False,
    device: str = "cpu",
    seed: int = 0,
    label: str | None = None,
) -> Context:
    """The circumstances of one battery; arguments and errors as for `check_optimizer`.

    Each question is asked once, from top to bottom: who is it, against what, with which cases, how are both driven.
    """
    subject = subject_of(target, label or None)
    dtypes = names_of("dtypes", dtypes, DTYPES)
    given = None if supports is None else names_of("supports", supports, SUPPORTS)
    by_design = frozenset(names_of("declare", declare, DECLARATIONS))
    reference = against_of(subject, against)
    if reference is not None and subject.catch_all:  # `**options` hands on whatever the reference takes
        subject = dataclasses.replace(subject, options={**reference.common_options, **subject.options})
    chosen = cases_for(subject, reference, cases)
    notes = ("train() is called when it is made: it has train() and eval()",) if subject.trains else ()
    if reference is not None and not chosen and differing_defaults(subject, reference):
        # Its own defaults beside the reference's would be two rules (AdaMod's three betas in one tuple, or in two).
        notes = (*notes, f"it is held against nothing: no case of {reference.label} has only options that it takes")
        reference = None
        chosen = cases_for(subject, None, None)
    if reference is not None:
        reference.refuse_unbuildable(chosen, device, every=cases is not None)
    formulas = (reference.spec if reference else None, subject.formula)
    if chosen and ("sparse" in (given or ()) or any(spec is not None and spec.sparse for spec in formulas)):
        # Either side may refuse dense gradients. Only where sparse ones matter: a trial runs a step of somebody's code.
        hyper = chosen[0].hyper
        subject = subject.driven(tried_drive(subject.make, hyper, device))
        reference = reference and reference.driven(tried_drive(reference.make, reference.taken(hyper), device))
    else:
        subject = subject.driven()
    dtypes = _one_format(dtypes, reference) if quick else dtypes
    return Context(
        subject=subject, against=reference, cases=chosen, dtypes=dtypes, device=device, quick=quick, seed=seed,
        declared=by_design, shapes=_sizes(shapes), given=cases is not None, notes=notes,
        supports=frozenset(SUPPORTS if given is None and subject.torch_name else given or ()),
    )  # fmt: skip


def _sizes(shapes: Iterable[Sequence[int]] | None) -> tuple[Shape, ...]:
    """The shapes as tuples. SpecError for what is none, and for none at all."""
    if shapes is None:
        return ()
    found = tuple(shapes)
    for shape in found:
        if not isinstance(shape, (tuple, list)) or not all(type(n) is int and n > 0 for n in shape):
            raise SpecError(f"shapes: {shape!r} is no shape: give tuples of positive numbers, such as (64, 16)")
    if not found:
        raise SpecError("shapes: the list is empty, so nothing would be checked")
    return tuple(tuple(shape) for shape in found)


def _one_format(dtypes: tuple[str, ...], reference: Against | None) -> tuple[str, ...]:
    """One is enough for a first look: the first, but where a step is a search, whose end float32 leaves open."""
    searches = reference is not None and reference.spec is not None and reference.spec.closure
    return dtypes[-1:] if searches else dtypes[:1]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One named check, made by `@check` in a file of `checks/`.

    name        as `--checks` and expected_failures name it
    key         T1 ... T15, the kind of bug that it catches
    place       among the checks of its folder in the report
    since       the first battery that has it, such as 0.2
    function    Context -> None; raises Failed, NotApplicable or NotDeclared
    """

    name: str
    key: str
    place: int
    since: str
    function: Callable[[Context], None]

    @property
    def text(self) -> str:
        """What holds, in full: the docstring of the check's file."""
        return inspect.cleandoc(sys.modules[self.function.__module__].__doc__ or "")

    @property
    def what(self) -> str:
        """What holds, in one line."""
        return self.text.partition("\n")[0]


def check(key: str, *, place: int, since: str = "") -> Callable[[Callable[[Context], None]], Check]:
    """Makes a function a check; its name with hyphens is the check's name. The registry refuses one without `since`."""

    def made(function: Callable[[Context], None]) -> Check:
        return Check(name=function.__name__.replace("_", "-"), key=key, place=place, since=since, function=function)

    return made


def each_for_itself(context: Context) -> None:
    """NotApplicable where no parameter goes its way alone, so that nothing can be said of one beside others."""
    if context.whole:
        raise NotApplicable("a step moves all parameters as one vector, by a loss that it evaluates itself")


def declared(context: Context, ability: str) -> None:
    """NotDeclared where its author has not said that it can do this."""
    if ability not in context.supports:
        raise NotDeclared(f"declare it with --supports {ability}")


def parameters(
    seed: int, shapes: tuple[tuple[int, ...], ...] = ((3, 2), (4,)), dtype: str = "float32", device: str = "cpu"
) -> list[torch.nn.Parameter]:
    """Fresh parameters of N(0, 1); one seed, one set of values. Shapes are fitted to what is `judged_as`."""
    generator = torch.Generator().manual_seed(seed)
    made = [torch.randn(fitted(shape), generator=generator, dtype=torch.float64) for shape in shapes]
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
