"""What a variant of a formula is, and how one is made around its update."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...scratch_impls import Spec

Hyper = Mapping[str, Any]

# What may happen to a history beside the formula.
AS_IT_IS, LR_CONSTANT, NONE_IS_ZERO, COUNT_RUNS_ON, ONE_COUNT = (
    "as it is", "lr constant", "None is zero", "count runs on", "one count",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A formula that differs from the right one in one convention.

    says        the likely cause, in words
    history     what is done otherwise beside the formula: a change of lr ignored, a missing gradient taken for zero, a
                count that goes on where a gradient is missing, or one count that every parameter raises
    """

    says: str
    spec: Spec
    hyper: Hyper
    history: str = AS_IT_IS


def wrapped(spec: Spec, before: Callable[..., tuple[Any, Any, Any, dict[str, Any]]]) -> Spec:
    """The spec whose update first lets `before` change (param, grad, step, hyper)."""

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, **hyper: Any) -> Any:
        param, grad, step, hyper = before(param, grad, step, hyper)
        return spec.update(param, grad, state, step, **hyper)

    return replace(spec, update=update)


def followed(spec: Spec, after: Callable[..., tuple[Any, Any]]) -> Spec:
    """The spec whose update lets `after` decide, which is given the right (param, new state) and all that led there.

    after   (param, new, *, old param, grad, state, step, hyper) -> (param, new state)
    """

    @functools.wraps(spec.update)
    def update(param: Any, grad: Any, state: Any, step: Any, **hyper: Any) -> Any:
        moved, new = spec.update(param, grad, state, step, **hyper)
        return after(moved, new, param=param, grad=grad, state=state, step=step, hyper=hyper)

    return replace(spec, update=update)
