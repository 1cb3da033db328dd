"""What a subject is held against, and the formula that bounds how far apart the two may be."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ... import scratch_impls
from ...reference import torch_paths
from ...reference.driving import Drive, driven_by_grad
from ...reference.known_defects import mended
from ...scratch_impls import Case, Spec, UnknownName, as_shape
from ..adapter import as_optimizer
from ..compare.replay import Factory, replay
from ..compare.scenario import probe
from .guard import no_exit
from .request import TargetError
from .subject import Subject, label_of, spec_named, subject_of


@dataclass(frozen=True, kw_only=True)
class Against:
    """What the subject is held against, which is taken to be right.

    make    (params, **hyper) -> optimizer
    spec    the formula that bounds the gap; None where nobody wrote one
    """

    label: str
    make: Factory
    spec: Spec | None = None

    @functools.cached_property
    def as_subject(self) -> Subject:
        """The same, read as if it were to be judged: what it takes, whose it is, how it is driven."""
        return subject_of(self.make, self.label)

    @property
    def common_options(self) -> dict[str, Any]:
        """Its options, but for the conventions that only the book has."""
        options = self.as_subject.options
        if self.spec is None:
            return dict(options)
        varied = {name for case in self.spec.cases if case.reference == "torch" for name in case.hyper}
        return {name: default for name, default in options.items() if name in varied}

    def taken(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """What it takes of a case's hyperparameters."""
        return {n: v for n, v in hyper.items() if self.spec is None or n in self.spec.defaults}

    def driven(self, drive: Drive | None) -> Against:
        """The same, stepping by dense gradients in p.grad."""
        return dataclasses.replace(self, make=driven_by_grad(self.make, drive))

    def refuse_unbuildable(self, cases: Sequence[Case], device: str, *, every: bool) -> None:
        """TargetError where it refuses a case that was asked for (every), or all that were derived.

        Otherwise the subject would fail for it.
        """
        refused: list[str] = []
        for case in cases:
            # 128 is as far as `design.seen` grows a shape that is refused.
            errors = [self._error_of(case, shape, device) for shape in ((1,), (128,), (128, 128))]
            if all(errors):  # one that refuses small parameters is no wrong input
                refused.append(f"case {case.name}: {type(errors[0]).__name__}: {errors[0]}")
        if refused and (every or len(refused) == len(cases)):
            raise TargetError(f"{self.label}, to hold it against, cannot be made with {refused[0]}")

    def _error_of(self, case: Case, shape: tuple[int, ...], device: str) -> BaseException | None:
        params = [
            torch.nn.Parameter(torch.zeros(as_shape(shape, self.spec.dims if self.spec else None), device=device))
        ]
        try:
            with no_exit():
                self.make(params, **self.taken(case.hyper))
        except (Exception, SystemExit) as error:
            return error
        return None


def against_of(subject: Subject, given: Any) -> Against | None:
    """What `check_optimizer(target, against=given)` holds the subject against; None for nothing.

    Raises TypeError for what is no optimizer, UnknownName where a name leads nowhere or torch has no twin of that name.
    """
    if isinstance(given, Against):
        return given
    if given is None:
        return _by_its_kind(subject)
    if isinstance(given, (str, Path)):
        return _formula(spec_named(given))
    if isinstance(given, Spec):
        return _formula(given)
    if not callable(given):
        raise TypeError(f"against={given!r}: give a class, a scratch optimizer's name, a Spec or a formula file")
    theirs = subject_of(given)
    if isinstance(given, type) and theirs.formula is not None:
        return _formula(theirs.formula)
    spec = _formula_of_torchs(theirs)
    against = Against(label=theirs.label, make=theirs.driven().make, spec=spec)
    return against if spec is None else _without_the_defect_if_followed(subject, against, spec)


def _by_its_kind(subject: Subject) -> Against | None:
    """A formula is held against torch's class, torch's class against the formula, a stranger against nothing."""
    if subject.formula is not None:
        return _twin_of(subject.formula)
    spec = _formula_of_torchs(subject)
    return None if spec is None else _formula(spec)


def _formula_of_torchs(side: Subject) -> Spec | None:
    """The formula of a class of torch.optim: of several, the one that takes most of its options."""
    twins = [spec for spec in scratch_impls.all_specs() if side.torch_name and spec.reference == side.torch_name]
    return max(twins, key=lambda spec: len(spec.defaults), default=None)


def _formula(spec: Spec) -> Against:
    return Against(label=spec.name, make=driven_by_grad(as_optimizer(spec)), spec=spec)


def _twin_of(spec: Spec) -> Against:
    """What torch has for a formula, with a known defect mended where it can be; if it has nothing, the formula."""
    if spec.reference is None:
        return dataclasses.replace(_formula(spec), label=f"{spec.name} itself, since torch has no twin of it")
    try:
        twin = driven_by_grad(torch_paths.twin(spec.reference))
    except LookupError as error:
        raise UnknownName(f"{spec.name}: {error}: say what it is to be held against") from None
    # Whatever format is judged: what can be mended shows in float64 (`mended` in reference/known_defects).
    if mended(spec.reference, "float64"):
        made = torch_paths.mended_twin(spec.reference)
        return Against(label=f"{label_of(twin)}, mended", make=made, spec=spec)
    return Against(label=label_of(twin), make=twin, spec=spec)


def _without_the_defect_if_followed(subject: Subject, against: Against, spec: Spec) -> Against:
    """Of a class of torch with a known defect and the same without it, the one that the subject follows.

    Who copies the class copies the defect; who writes the rule down from its paper is right without.
    """
    if not mended(spec.reference, "float64"):
        return against
    without = _twin_of(spec)
    try:
        gap, gap_without = (
            # Without its state: whoever follows the rule may keep it under names of its own.
            replay(spec, {}, subject.make, each.make, probe(0, steps=8), dtype="float64", states=()).worst().gap_bounds
            for each in (against, without)
        )
    except Exception:  # it does not work with its defaults: then whoever judges it says so
        return against
    return without if gap_without < gap else against
