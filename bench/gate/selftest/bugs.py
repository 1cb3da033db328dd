"""Mistakes that are put around every formula of a copy of this tree."""

from __future__ import annotations

from dataclasses import dataclass

from .... import scratch_impls
from ....scratch_impls import Spec
from ..trees import Checkout

# Appended to every formula of the head.
_BUGGED = """

import dataclasses as _dataclasses
import functools as _functools


def _doubled(eps):
    return tuple(part and 2 * part for part in eps) if isinstance(eps, (tuple, list)) else 2 * eps


def _bugged(update):
    @_functools.wraps(update)
    def wrong(param, grad, state, step, **hyper):
        {before}
        new_param, new = update(param, grad, state, step, **hyper)
        return {after}

    return wrong


SPEC = _dataclasses.replace(SPEC, update=_bugged(SPEC.update))
"""


@dataclass(frozen=True, kw_only=True)
class Bug:
    """before, after: what is put around a right update; applies: whether it changes anything in a formula."""

    name: str
    before: str = "pass"
    after: str = "new_param, new"

    def applies(self, spec: Spec) -> bool:
        if self.name == "eps is doubled":
            return "eps" in spec.defaults
        if self.name == "the state is forgotten":
            return any(spec.start(1.0, spec.hyper(**case.hyper)) for case in spec.cases)
        return True


BUGS = (
    Bug(name="lr is 0.1 % too large", after="param + 1.001 * (new_param - param), new"),
    Bug(name="the state is forgotten", after="new_param, (state if state else new)"),
    Bug(name="eps is doubled", before='hyper = {**hyper, "eps": _doubled(hyper["eps"])} if "eps" in hyper else hyper'),
)


def add_bug(head: Checkout, bug: Bug) -> None:
    """Appends it to every formula's file in this tree."""
    for name in scratch_impls.names():
        with (head.root / "scratch_impls" / f"{name}.py").open("a", encoding="utf-8") as file:
            file.write(_BUGGED.format(before=bug.before, after=bug.after))
