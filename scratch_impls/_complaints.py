"""What a Spec lacks, one sentence each, in the words of docs/write-a-formula.md."""

from __future__ import annotations

import inspect
import math
from typing import Any

from .spec import FORMS, OF_A_GROUP, POSITIONAL, Case, Spec, keywords, positional


def complaints(spec: Spec) -> list[str]:
    """What a Spec lacks, one sentence each; an empty list means that it is complete."""
    if wrong := _wrong_types(spec):
        return wrong
    found: list[str] = []
    parameters = list(inspect.signature(spec.update).parameters.values())
    begins = positional(spec.update)
    if spec.form not in FORMS:
        found.append(
            f"update must begin with ({', '.join(POSITIONAL)}, *, ...), it begins with {begins}; to step several "
            f"at once with ({', '.join(OF_A_GROUP)}, *, ...), and where it draws rng comes after step"
        )
    if spec.draws and "seed" not in spec.defaults:
        found.append("an update that asks for rng must take the keyword seed, such as seed=0")
    if spec.init_shared is not None and not spec.together:
        found.append(f"init_shared needs an update that begins with ({', '.join(OF_A_GROUP)}, *, ...)")
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters):
        found.append("update must name every hyperparameter; it has a catch-all argument")
    if "lr" not in spec.defaults:
        found.append("update must take the keyword lr")
    found += [
        f"the hyperparameter {n} must have a default" for n, v in spec.defaults.items() if v is inspect.Parameter.empty
    ]
    for name in ("init", "init_shared", "evaluation"):
        asked = keywords(getattr(spec, name)) if getattr(spec, name) else []
        found += [f"{name} asks for {n}, which update does not take" for n in asked if n not in spec.defaults]
    if "<-" not in spec.formula:
        found.append("the file's docstring must give the formula, one 'x <- ...' line for each line of code")
    found += [f"{what} must not be empty" for what in ("source", "cases") if not getattr(spec, what)]
    if spec.reference == "":
        found.append("reference must name the twin, or be None where there is none")
    return found if found else _case_complaints(spec)


def _wrong_types(spec: Spec) -> list[str]:
    """What is of another kind than its field, so that nothing else can be asked."""
    found = [f"{name} must be a function" for name in ("init", "update") if not callable(getattr(spec, name))]
    found += ["name must be text"] if not isinstance(spec.name, str) else []
    if not isinstance(spec.cases, (tuple, list)) or not all(isinstance(one, Case) for one in spec.cases):
        found.append("cases must be a tuple of case(...)")
    if spec.reference is not None and not isinstance(spec.reference, str):
        found.append("reference must be the name of a class of torch.optim, or None")
    return found


def _case_complaints(spec: Spec) -> list[str]:
    found: list[str] = []
    names = [c.name for c in spec.cases]
    found += [f"the case name {n!r} is used twice" for n in dict.fromkeys(names) if names.count(n) > 1]
    found += [f"the case {c.name!r} must say why it is there" for c in spec.cases if not c.reason.strip()]
    for c in spec.cases:
        try:
            spec.hyper(**c.hyper)
        except (TypeError, ValueError) as error:
            found.append(f"the case {c.name!r} is refused: {error}")
    # An option that no case varies could be ignored by the formula, and no comparison would show it.
    varied = {name for c in spec.cases for name, value in c.hyper.items() if _differs(value, spec.defaults.get(name))}
    found += [f"no case gives {n} a value other than its default" for n in spec.defaults if n not in varied]
    return found


def _differs(value: Any, default: Any) -> bool:
    both_nan = isinstance(value, float) and isinstance(default, float) and math.isnan(value) and math.isnan(default)
    return not both_nan and value != default
