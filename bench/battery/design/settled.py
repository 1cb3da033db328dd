"""The circumstances of a battery after a look at the subject: cases and dtypes that it takes, options that it fixes.

Done when the first check runs, in its process: making an optimizer may hang or crash, which is that check's failure.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import torch

from ..against import Against
from ..context import Context
from ..subject import fixed_by
from .seen import why_refused, works


def settled(context: Context) -> Context:
    """The context that checks receive; as it is where nothing can be made, for is-an-optimizer to tell."""
    for change in (_without_refused_dtypes, _without_refused_cases, _with_fixed_options):
        context = change(context)
    return context


def _noted(context: Context, *notes: str, **fields: Any) -> Context:
    return dataclasses.replace(context, notes=(*context.notes, *notes), **fields)


def _without_refused_dtypes(context: Context) -> Context:
    """Without formats that it refuses on purpose, as long as it takes one."""
    refused: dict[str, str] = {}
    for dtype in context.dtypes:
        alone = dataclasses.replace(context, dtypes=(dtype,))
        if why := alone.seen.why_shape(alone.seen.fit((4, 3))):
            refused[dtype] = f"it refuses {dtype}: {why}"
    taken = tuple(dtype for dtype in context.dtypes if dtype not in refused)
    return _noted(context, *refused.values(), dtypes=taken) if refused and taken else context


def _without_refused_cases(context: Context) -> Context:
    """Without derived cases whose options it refuses together: nobody said that it takes them."""
    if context.given:
        return context
    tensors = [torch.nn.Parameter(torch.zeros(context.seen.fit((4, 3)), dtype=getattr(torch, context.dtypes[0])))]
    refused = {
        case.name: f"case {case.name} is not judged, it refuses that: {why}"
        for case in context.cases
        if (why := why_refused(functools.partial(context.subject.make, list(tensors), **case.hyper)))
    }
    taken = tuple(case for case in context.cases if case.name not in refused)
    return _noted(context, *refused.values(), cases=taken) if refused and taken else context


def _with_fixed_options(context: Context) -> Context:
    """What its constructor fixes is given to the reference as well, where that takes it; else that is said."""
    against = context.against
    if against is None:
        return context
    takes = set(against.as_subject.options)
    if against.spec is not None:
        takes &= set(against.spec.defaults)
    named = {**_rate_by_another_name(context), **fixed_by(context.subject.make)}
    shown = {**_fixed_in_the_group(context, takes), **named}
    fixed = {n: v for n, v in shown.items() if n in takes and against.as_subject.options[n] != v}
    strange = {n: v for n, v in fixed_by(context.subject.make).items() if n not in against.as_subject.options}
    notes = [f"it fixes {_words(strange)}, which {against.label} does not take"] if strange else []
    if not fixed:
        return _noted(context, *notes) if notes else context
    also = _also_fixed(against, fixed)
    if not works(functools.partial(_made, also.make, context)):
        notes.append(f"it fixes {_words(fixed)}, with which {against.label} cannot be made")
        return _noted(context, *notes)
    notes.append(f"{against.label} is made with {_words(fixed)} as well, which it fixes")
    return _noted(context, *notes, against=also)


def _also_fixed(against: Against, fixed: Mapping[str, Any]) -> Against:
    """The reference with these options, and its formula with them in the place of its defaults."""
    spec = against.spec
    if spec is not None:
        spec = dataclasses.replace(spec, update=functools.partial(spec.update, **fixed))
    label = f"{against.label}({_words(fixed)})"
    return dataclasses.replace(against, make=functools.partial(against.make, **fixed), spec=spec, label=label)


def _made(make: Any, context: Context) -> Any:
    tensors = [torch.nn.Parameter(torch.zeros(context.seen.fit((4, 3)), dtype=getattr(torch, context.dtypes[0])))]
    return make(tensors)


def _fixed_in_the_group(context: Context, takes: set[str]) -> dict[str, Any]:
    """Values in its group that its constructor takes under no name."""
    subject = context.subject
    if subject.catch_all or subject.listed:
        return {}
    given = {name for case in context.cases for name in case.hyper}
    group = context.seen.options
    return {n: v for n, v in group.items() if n in takes - set(subject.options) - given and _is_plain(v)}


RATES = ("learning_rate", "rate", "step_size", "eta")


def _rate_by_another_name(context: Context) -> dict[str, Any]:
    """The learning rate of one that takes it under another name, where its groups do not say lr either."""
    options = context.subject.options
    found = [options[name] for name in RATES if isinstance(options.get(name), (int, float))]
    says_lr = "lr" in options or "lr" in context.seen.options
    return {"lr": found[0]} if len(found) == 1 and not says_lr else {}


def _is_plain(value: Any) -> bool:
    parts = value if isinstance(value, (tuple, list)) else (value,)
    return bool(parts) and all(isinstance(part, (bool, int, float)) for part in parts)


def _words(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())
