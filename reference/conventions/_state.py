"""What goes wrong with the state of any formula between two steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...scratch_impls import Spec
from ._momentum import FORGOTTEN
from ._variant import Hyper, Variant, followed

BACK = "the corrected averages are written back into the state"


def variants(spec: Spec, full: Hyper) -> Iterator[Variant]:
    if spec.closure:  # its state is a matter of its own, and a step of it many
        return
    start = spec.start(0.0, full)
    names = [name for name, value in start.items() if isinstance(value, (int, float))]
    yield from _written_back(spec, full, names)
    for name in names:
        yield Variant(says=f"{name} of this step stands where that of the last step belongs",
                      spec=_of_this_step(spec, name), hyper=full)  # fmt: skip
        yield Variant(says=f"{name} is not kept from step to step", spec=_not_kept(spec, name), hyper=full)
    if start:
        yield Variant(says=FORGOTTEN, spec=_without_the_first(spec), hyper=full)


def _written_back(spec: Spec, full: Hyper, names: list[str]) -> Iterator[Variant]:
    """holocron#1: what is divided by 1 - beta^t for the step stays divided, so that it accumulates."""
    betas = full.get("betas")
    if not isinstance(betas, (tuple, list)):
        return
    pairs = list(zip(names, range(len(betas)), strict=False))
    chosen = [pairs] + ([[pair] for pair in pairs] if len(pairs) > 1 else [])
    for some in chosen:
        which = "" if len(some) == len(pairs) else f" ({some[0][0]} alone)"
        yield Variant(says=BACK + which, spec=_with_corrected(spec, some), hyper=full)


def _with_corrected(spec: Spec, pairs: list[tuple[str, int]]) -> Spec:
    def after(moved: Any, new: Any, *, step: Any, hyper: Any, **_: Any) -> Any:
        return moved, {**new, **{name: new[name] / (1 - hyper["betas"][i] ** step) for name, i in pairs}}

    return followed(spec, after)


def _of_this_step(spec: Spec, name: str) -> Spec:
    """kozistr/pytorch_optimizer#346: state is brought up to date before it is used, where the rule uses the old one."""

    def after(moved: Any, new: Any, *, param: Any, grad: Any, state: Any, step: Any, hyper: Any) -> Any:
        moved, again = spec.update(param, grad, {**state, name: new[name]}, step, **hyper)
        return moved, {**again, name: new[name]}

    return followed(spec, after)


def _not_kept(spec: Spec, name: str) -> Spec:
    def after(moved: Any, new: Any, *, state: Any, **_: Any) -> Any:
        return moved, {**new, name: state[name]}

    return followed(spec, after)


def _without_the_first(spec: Spec) -> Spec:
    def after(moved: Any, new: Any, *, param: Any, state: Any, step: Any, **_: Any) -> Any:
        return moved, {n: 0 * param if v is None else v for n, v in state.items()} if step == 1 else new

    return followed(spec, after)
