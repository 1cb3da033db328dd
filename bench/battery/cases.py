"""The hyperparameters to judge with: read from a file, derived from what both sides take, or one option at a time.

Values made from what a constructor accepts belong here too. Importing this loads no torch.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...scratch_impls import Case, Spec, SpecError, nearest

if TYPE_CHECKING:
    from .against import Against
    from .subject import Subject

# One value for each option that optimizers commonly share, where the two sides have no formula to take cases from.
_GENERIC: dict[str, Any] = {
    "lr": 0.05, "momentum": 0.9, "weight_decay": 0.1, "eps": 1e-2, "betas": (0.8, 0.9), "alpha": 0.9, "rho": 0.8,
    "nesterov": True, "amsgrad": True, "centered": True, "maximize": True, "lr_decay": 0.1,
}  # fmt: skip


DEFAULT = Case(name="default", reason="what a user gets who passes nothing")


def cases_for(subject: Subject, against: Against | None, given: Sequence[Case] | None) -> tuple[Case, ...]:
    """Those that are given, if both sides take them; else those of the reference's formula; else generic ones."""
    if given is not None:
        return _fitting(tuple(given), subject, against)
    if against is None or against.spec is None:
        return _generic(subject, against)
    return _derived(subject, against, against.spec)


def _derived(subject: Subject, against: Against, spec: Spec) -> tuple[Case, ...]:
    """The formula's cases with the options that both sides take, none twice.

    Every value is spelled out, so that a default that differs shows in the check of defaults alone.
    """
    shared = set(subject.options) & set(against.as_subject.options)
    found: dict[str, Case] = {}
    for case in spec.cases:
        if case.reference != "torch" or not set(case.hyper) <= shared:
            continue
        hyper = {name: value for name, value in spec.hyper(**case.hyper).items() if name in shared}
        if all(_has_parts_of(value, subject.options[name]) for name, value in hyper.items()):
            found.setdefault(repr(sorted(hyper.items())), Case(name=case.name, reason=case.reason, hyper=hyper))
    return (*found.values(), *_alone(subject, spec, shared, tuple(found.values())))


def differing_defaults(subject: Subject, against: Against) -> list[str]:
    """The options of both that have another default."""
    theirs = against.as_subject.options
    return [n for n, value in subject.options.items() if n in theirs and repr(value) != repr(theirs[n])]


def _alone(subject: Subject, spec: Spec, shared: set[str], cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """Each shared option that no case varies, alone: the formula varies it beside one that is not shared."""
    made = []
    for name, value in _GENERIC.items():
        varied = {repr(case.hyper[name]) for case in cases if name in case.hyper}
        if name not in shared or len(varied) > 1 or not cases or not _is_such(value, subject.options[name]):
            continue
        hyper = {**cases[0].hyper, name: value}
        with contextlib.suppress(TypeError, ValueError):  # out of range for the formula
            spec.hyper(**hyper)
            made.append(Case(name=name.replace("_", "-"), reason=f"{name} alone", hyper=hyper))
    names = {case.name for case in cases}
    return tuple(case for case in made if case.name not in names)


def _has_parts_of(value: Any, default: Any) -> bool:
    """A tuple for a tuple of as many parts; anything else is for the optimizer to refuse."""
    tuples = isinstance(value, (tuple, list)) and isinstance(default, (tuple, list))
    return not tuples or len(value) == len(default)


def _generic(subject: Subject, against: Against | None) -> tuple[Case, ...]:
    """The defaults, and each common option that the subject (and the reference, if any) takes, one at a time."""
    shared = set(subject.options) & set(against.as_subject.options if against else subject.options)
    sides = [subject.options, *([against.as_subject.options] if against else [])]
    taken = {n: v for n, v in _GENERIC.items() if n in shared and all(_is_such(v, side[n]) for side in sides)}
    usual = {"lr": taken.pop("lr")} if "lr" in taken else {}
    usual |= {n: v for n, v in taken.items() if any(side[n] is inspect.Parameter.empty for side in sides)}
    cases = [Case(name="default", reason="what a user gets", hyper=usual)]
    for name, value in taken.items():
        # torch's SGD refuses nesterov without momentum.
        extra = {"momentum": 0.9} if name == "nesterov" and "momentum" in taken else {}
        if usual.get(name) != value:
            cases.append(
                Case(name=name.replace("_", "-"), reason=f"{name} alone", hyper={**usual, **extra, name: value})
            )
    return tuple(cases)


def _is_such(value: Any, default: Any) -> bool:
    """Whether an option with this default may be expected to take the value: its kind, with as many parts."""
    if default is None or default is inspect.Parameter.empty:
        return True
    if isinstance(value, tuple):
        return isinstance(default, (tuple, list)) and len(default) == len(value)
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    # An lr may be a tensor; asked by the name, since this module loads no torch.
    return isinstance(default, (int, float)) or type(default).__name__ == "Tensor"


def _fitting(cases: tuple[Case, ...], subject: Subject, against: Against | None) -> tuple[Case, ...]:
    """The cases; an error names an option that a side does not take, or a value that is no number where one is due."""
    if not cases:
        raise SpecError("the list of cases is empty, so nothing would be checked")
    # A reference with a formula takes the options that the formula knows of a case, and need not take the others.
    sides = [subject] if against is None or against.spec is not None else [subject, against.as_subject]
    for case in cases:
        for name, value in case.hyper.items():
            for side in sides:
                if side.catch_all or name in (*side.options, *side.execution):
                    continue
                raise SpecError(
                    f"case {case.name}: {side.label} takes no {name!r}: {nearest(name, list(side.options))}"
                )
            _refuse_no_number(case.name, name, value, subject.options.get(name))
    return cases


def _refuse_no_number(case: str, name: str, value: Any, default: Any) -> None:
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    parts = value if isinstance(value, (tuple, list)) else (value,)
    endless = any(isinstance(part, float) and not math.isfinite(part) for part in parts)
    if (number and isinstance(value, str)) or endless:
        raise SpecError(f"case {case}: {name} is {value!r}, which is no finite number")


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a TOML file ([[case]] tables) or a JSON list: name, reason and the hyperparameters themselves.

    Raises SpecError, which names the file and the entry.
    """
    found = read_data(path)
    if isinstance(found, dict):
        found = found.get("case", found.get("cases"))
    if not isinstance(found, list) or not found:
        raise SpecError(f"{path}: give at least one case: [[case]] tables in TOML, or a list in JSON")
    cases = tuple(_case(entry, f"{path}, case {i}") for i, entry in enumerate(found, 1))
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"{path}: the case name {name!r} is used twice")
    return cases


def _case(entry: Any, where: str) -> Case:
    if not isinstance(entry, dict):
        raise SpecError(f"{where}: {entry!r} is no table of name, reason and hyperparameters")
    for word in ("name", "reason"):
        if not isinstance(entry.get(word), str) or not entry[word].strip():
            raise SpecError(f"{where}: it needs a {word}, as text")
    hyper = {name: value for name, value in entry.items() if name not in ("name", "reason")}
    for name, value in hyper.items():
        if isinstance(value, list):
            # TOML and JSON have no tuples, and a default such as betas=(0.9, 0.999) is one.
            hyper[name] = tuple(value)
        elif not isinstance(value, (bool, int, float, str, type(None))):
            raise SpecError(f"{where}: {name} is {value!r}; give a number, a truth value, text or a list")
    return Case(name=entry["name"], reason=entry["reason"], hyper=hyper)


def read_data(path: Path) -> Any:
    """What a TOML or JSON file holds. SpecError where it cannot be read, or is neither."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # both decoders' errors, and that of the encoding
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise SpecError(f"{path} is no {kind}: {error}") from None
