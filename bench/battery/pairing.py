"""Who is judged, against what, and on which cases: what was named becomes the Context of a battery."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from ... import scratch_impls
from ...reference import torch_paths
from ...reference.known_defects import mended
from ...scratch_impls import Case, Spec, SpecError, UnknownName, as_shape, nearest
from ..adapter import ScratchOptimizer, as_optimizer
from ..compare.replay import replay
from ..compare.scenario import probe
from . import global_state as surroundings
from .context import SUPPORTS, Against, Context, Subject, subject_of
from .guard import no_exit
from .request import DTYPES
from .targets import TargetError


def context_for(
    target: Any,
    against: Any = None,
    *,
    cases: Sequence[Case] | None = None,
    dtypes: Sequence[str] = ("float32", "float64"),
    supports: Iterable[str] | None = None,
    quick: bool = False,
    device: str = "cpu",
    seed: int = 0,
    label: str | None = None,
) -> Context:
    """The circumstances of one battery; arguments and errors as for `check_optimizer`."""
    if isinstance(target, (str, Path)):
        label, target = label or str(target), _spec_named(target)
    if isinstance(target, Spec):
        target = as_optimizer(target)
    if not callable(target):
        raise TypeError(f"{target!r} is a {type(target).__name__}, not an optimizer class or a function that makes one")
    dtypes = names_of("dtypes", dtypes, DTYPES)
    supports = None if supports is None else names_of("supports", supports, SUPPORTS)
    subject = subject_of(target, label or _label(target))
    held = _against(subject, against)
    if held is not None and subject.catch_all:  # `**options` hands on whatever the reference takes
        subject = dataclasses.replace(subject, options={**_common_options(held), **subject.options})
    declared = frozenset(SUPPORTS if supports is None and _is_torch(subject.cls) else supports or ())
    chosen = derived_cases(subject, held) if cases is None else _fitting(tuple(cases), subject, held)
    if held is not None:
        _buildable(held, chosen, device, every=cases is not None)
    make = target
    if _is_sparse(subject, held, supports or ()) and chosen:  # then somebody may refuse dense gradients
        make = torch_paths.fed(make, rows=_refuses_dense(make, chosen[0].hyper, device))
        if held is not None:
            rows = _refuses_dense(held.make, _hyper(chosen[0], held), device)
            held = dataclasses.replace(held, make=torch_paths.fed(held.make, rows=rows))
    subject = dataclasses.replace(subject, make=torch_paths.fed(make))
    # One format is enough for a first look: the first, but where a step is many, of which float32 leaves the end open.
    one = slice(-1, None) if held is not None and held.spec is not None and held.spec.closure else slice(1)
    return Context(
        subject=subject, against=held, cases=chosen, dtypes=tuple(dtypes)[one] if quick else tuple(dtypes),
        device=device, quick=quick, supports=declared, seed=seed,
    )  # fmt: skip


def _is_sparse(subject: Subject, held: Against | None, supports: Iterable[str]) -> bool:
    """Whether sparse gradients are to be judged, or a formula on either side takes them."""
    specs = (held.spec if held else None, getattr(subject.cls, "spec", None))
    return "sparse" in supports or any(isinstance(spec, Spec) and spec.sparse for spec in specs)


def _hyper(case: Case, held: Against) -> dict[str, Any]:
    """What the reference takes of a case."""
    return {n: v for n, v in case.hyper.items() if held.spec is None or n in held.spec.defaults}


def _refuses_dense(make: Any, hyper: Mapping[str, Any], device: str) -> bool:
    """Whether the step of a throw-away parameter is refused with a dense gradient, and taken with a sparse one."""

    def taken(gradient: torch.Tensor) -> bool:
        param = torch.nn.Parameter(torch.zeros(1, 1, device=device))
        param.grad = gradient
        try:
            with no_exit(), contextlib.redirect_stdout(io.StringIO()):
                make([param], **hyper).step()
        except (Exception, SystemExit):
            return False
        return True

    dense, before = torch.ones(1, 1, device=device), surroundings.taken()
    try:
        return not taken(dense) and taken(dense.to_sparse())
    finally:
        surroundings.put_back(before)


def names_of(what: str, given: Iterable[str] | None, known: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple, none for None. TypeError for text in place of a list, UnknownName for what does not exist.

    A text is a sequence too, of letters.
    """
    if isinstance(given, str):
        raise TypeError(f"{what}={given!r}: give a list of names, such as [{given!r}]")
    names = () if given is None else tuple(given)
    for name in names:
        if name not in known:
            raise UnknownName(f"{what}: no {name!r}: {nearest(str(name), list(known))}")
    return names


def _label(target: Any) -> str:
    if isinstance(target, functools.partial):
        fixed = ", ".join(f"{name}={value}" for name, value in target.keywords.items())
        return f"{_label(target.func)}({fixed})"
    if isinstance(target, type) and issubclass(target, ScratchOptimizer):
        return target.spec.name
    module = "torch.optim" if _is_torch(target) else getattr(target, "__module__", "")
    return f"{module}:{getattr(target, '__qualname__', type(target).__name__)}"


def _is_torch(cls: Any) -> bool:
    """Whether it is a class of torch.optim itself, and no subclass of one."""
    return isinstance(cls, type) and issubclass(cls, Optimizer) and getattr(torch.optim, cls.__name__, None) is cls


def _spec_of(cls: Any) -> Spec | None:
    """The formula of a class of torch.optim: of several, the one that takes most of its options."""
    twins = [spec for spec in scratch_impls.all_specs() if _is_torch(cls) and spec.reference == cls.__name__]
    return max(twins, key=lambda spec: len(spec.defaults), default=None)


def against_of(target: Any, against: Any) -> Against | None:
    """What `check_optimizer(target, against)` would hold the target against."""
    return _against(subject_of(target, ""), against)


def _against(subject: Subject, against: Any) -> Against | None:
    cls = subject.cls
    if isinstance(against, Against):
        return against
    if against is None:
        if isinstance(cls, type) and issubclass(cls, ScratchOptimizer):
            return _twin_of(cls.spec)
        spec = _spec_of(cls)
        return _formula(spec) if spec else None
    if isinstance(against, Spec):
        return _formula(against)
    if isinstance(against, (str, Path)):
        return _formula(_spec_named(against))
    if not callable(against):
        raise TypeError(f"against={against!r}: give a class, a scratch optimizer's name, a Spec or a formula file")
    if isinstance(against, type) and issubclass(against, ScratchOptimizer):
        return _formula(against.spec)
    spec = _spec_of(subject_of(against, "").cls)
    held = Against(label=_label(against), make=torch_paths.fed(against), spec=spec)
    return _followed(subject, held, spec) if spec is not None else held


def _followed(subject: Subject, held: Against, spec: Spec) -> Against:
    """Of a class of torch with a known defect and the same without it, the one that the subject follows.

    Who copies the class copies the defect; who writes the rule down from its paper is right without.
    """
    if not (_is_torch(subject_of(held.make, "").cls) and mended(spec.reference, "float64")):
        return held
    right = _twin_of(spec)
    try:
        near, nearer = (
            replay(spec, {}, subject.make, each.make, probe(0, steps=8), dtype="float64", states=()).worst().gap_bounds
            for each in (held, right)
        )
    except Exception:  # it does not work with its defaults: then whoever judges it says so
        return held
    return right if nearer < near else held


def _spec_named(name: str | Path) -> Spec:
    """The Spec of a scratch optimizer's name or of a formula file."""
    is_file = isinstance(name, Path) or name.endswith(".py")
    return scratch_impls.load_file(name) if is_file else scratch_impls.load(name)


def _twin_of(spec: Spec) -> Against:
    """What torch has for a formula, with a known defect mended where it can be; if it has nothing, the formula."""
    if spec.reference is None:
        return dataclasses.replace(_formula(spec), label=f"{spec.name} itself, since torch has no twin of it")
    try:
        twin = torch_paths.fed(torch_paths.twin(spec.reference))
    except LookupError as error:
        raise UnknownName(f"{spec.name}: {error}: say what it is to be held against") from None
    if mended(spec.reference, "float64"):
        made = torch_paths.mended_twin(spec.reference)
        return Against(label=f"{_label(twin)}, mended", make=made, spec=spec)
    return Against(label=_label(twin), make=twin, spec=spec)


def _common_options(held: Against) -> dict[str, Any]:
    """The reference's options, but for the conventions that only the book has."""
    options = subject_of(held.make, "").options
    if held.spec is None:
        return dict(options)
    varied = {name for case in held.spec.cases if case.reference == "torch" for name in case.hyper}
    return {name: default for name, default in options.items() if name in varied}


def _formula(spec: Spec) -> Against:
    return Against(label=spec.name, make=torch_paths.fed(as_optimizer(spec)), spec=spec)


def derived_cases(subject: Subject, held: Against | None) -> tuple[Case, ...]:
    """The reference's cases with the options that the subject takes too, none twice; without a formula, generic ones.

    Every value is spelled out, so that a default that differs shows in the check of defaults alone.
    """
    if held is None or held.spec is None:
        return generic_cases(subject, held)
    shared = set(subject.options) & set(subject_of(held.make, "").options)
    spec = held.spec
    found: dict[str, Case] = {}
    for case in spec.cases:
        if case.reference != "torch" or not set(case.hyper) <= shared:
            continue
        hyper = {name: value for name, value in spec.hyper(**case.hyper).items() if name in shared}
        found.setdefault(repr(sorted(hyper.items())), Case(name=case.name, reason=case.reason, hyper=hyper))
    return tuple(found.values())


# One value for each option that optimizers commonly share, where the two sides have no formula to take cases from.
_GENERIC: dict[str, Any] = {
    "lr": 0.05, "momentum": 0.9, "weight_decay": 0.1, "eps": 1e-2, "betas": (0.8, 0.9), "alpha": 0.9, "rho": 0.8,
    "nesterov": True, "amsgrad": True, "centered": True, "maximize": True, "lr_decay": 0.1,
}  # fmt: skip


def generic_cases(subject: Subject, held: Against | None) -> tuple[Case, ...]:
    """The defaults, and each common option that the subject (and the reference, if any) takes, one at a time."""
    shared = set(subject.options) & set(subject_of(held.make, "").options if held else subject.options)
    lr = {"lr": _GENERIC["lr"]} if "lr" in shared else {}
    cases = [Case(name="default", reason="what a user gets", hyper=lr)]
    for name in (n for n in _GENERIC if n in shared and n != "lr"):
        extra = {"momentum": 0.9} if name == "nesterov" and "momentum" in shared else {}
        cases.append(
            Case(name=name.replace("_", "-"), reason=f"{name} alone", hyper={**lr, **extra, name: _GENERIC[name]})
        )
    return tuple(cases)


def _fitting(cases: tuple[Case, ...], subject: Subject, held: Against | None) -> tuple[Case, ...]:
    """The cases; an error names an option that a side does not take, or a value that is no number where one is due."""
    if not cases:
        raise SpecError("the list of cases is empty, so nothing would be checked")
    theirs = None if held is None or held.spec is not None else subject_of(held.make, held.label)
    for case in cases:
        for name, value in case.hyper.items():
            for side in (subject, theirs):
                if side is None or side.catch_all or name in (*side.options, *side.execution):
                    continue
                raise SpecError(
                    f"case {case.name}: {side.label} takes no {name!r}: {nearest(name, list(side.options))}"
                )
            usual = subject.options.get(name)
            number = isinstance(usual, (int, float)) and not isinstance(usual, bool)
            parts = value if isinstance(value, (tuple, list)) else (value,)
            endless = any(isinstance(part, float) and not math.isfinite(part) for part in parts)
            if (number and isinstance(value, str)) or endless:
                raise SpecError(f"case {case.name}: {name} is {value!r}, which is no finite number")
    return cases


def _buildable(held: Against, cases: tuple[Case, ...], device: str, *, every: bool) -> None:
    """TargetError where the reference refuses a case that was asked for, or all that were derived.

    Otherwise the subject would fail for it.
    """
    refused: list[str] = []
    shape = as_shape((1,), held.spec.dims if held.spec else None)
    for case in cases:
        try:
            with no_exit():
                held.make([torch.nn.Parameter(torch.zeros(shape, device=device))], **_hyper(case, held))
        except (Exception, SystemExit) as error:
            refused.append(f"case {case.name}: {type(error).__name__}: {error}")
    if refused and (every or len(refused) == len(cases)):
        raise TargetError(f"{held.label}, to hold it against, cannot be made with {refused[0]}")
