"""The circumstances in which a mistake is none: what it explains passes there."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import torch

from ....reference.conventions import as_formula, slips, variants
from ....scratch_impls import Spec
from ...adapter import as_optimizer
from ..context import Against, Context

CHANGED_IN_PLACE = "p.grad is changed in place"


def remedied(context: Context, cause: str) -> Context | None:
    """The circumstances in which this cause is none; None where nobody knows such."""
    if cause == CHANGED_IN_PLACE:
        subject = dataclasses.replace(context.subject, make=_given_copies(context.subject.make))
        return dataclasses.replace(context, subject=subject)
    if cause.startswith(("the first parameter of a group", "the last parameter of a group")):
        subject = dataclasses.replace(context.subject, make=_each_in_its_group(context.subject.make))
        return dataclasses.replace(context, subject=subject)
    if context.spec is None or context.against is None:
        return None
    label = f"{context.spec.name} with this mistake: {cause}"
    spec = _formula_with(context, context.spec, cause)
    if spec is None:
        return None
    return dataclasses.replace(context, against=Against(label=label, make=as_optimizer(spec), spec=spec))


def _formula_with(context: Context, spec: Spec, cause: str) -> Spec | None:
    """The reference's formula with the convention of that name, from the first case that could show it."""
    assert context.against is not None
    for case in context.cases:
        hyper = context.against.taken(case.hyper)
        for variant in itertools.chain(variants(spec, hyper), slips(spec, hyper)):
            if variant.says == cause:
                return as_formula(spec, variant, hyper)
    return None


def _given_copies(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same optimizer, whose step finds copies in p.grad that nobody else holds."""

    def made(params: Any, **hyper: Any) -> Any:
        optimizer = make(params, **hyper)
        held: list[tuple[Any, Any]] = []

        def before(optimizer: Any, args: Any, kwargs: Any) -> None:
            held[:] = [(p, p.grad) for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            for p, grad in held:
                p.grad = grad.clone()

        def after(optimizer: Any, args: Any, kwargs: Any) -> None:
            for p, grad in held:
                p.grad = grad
            held.clear()  # a gradient that is kept here would look as if the optimizer kept it

        optimizer.register_step_pre_hook(before)
        optimizer.register_step_post_hook(after)
        return optimizer

    return made


def _each_in_its_group(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same optimizer, whose groups have one parameter each: who takes one for another by its place cannot."""

    def made(params: Any, **hyper: Any) -> Any:
        groups: list[Any] = []
        for given in params:
            group = given if isinstance(given, dict) else {"params": [given]}
            its = [group["params"]] if isinstance(group["params"], torch.Tensor) else list(group["params"])
            groups += [{**group, "params": [p]} for p in its] or [group]
        return make(groups, **hyper)

    return made
