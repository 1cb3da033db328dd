"""Why two optimizers disagree, as far as the common conventions explain it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...reference.conventions import Variant, variants
from ...reference.oracle import Trajectory
from ...scratch_impls import Spec
from .bounded import Bounded
from .bounds import bounded_hyper
from .gap import gaps
from .replay import Factory, trajectory
from .scenario import Scenario

WIDEST = "float64"


def likely_cause(
    spec: Spec,
    make: Factory,
    hyper: Mapping[str, Any],
    our_hyper: Mapping[str, Any],
    scenario: Scenario,
    dtype: str,
    device: str = "cpu",
) -> str:
    """The variant of the formula that the optimizer agrees with, in words; "" where none does, or nothing tells which.

    dtype   the format in which the disagreement was found: there a variant must agree. In float64 rounding is smallest,
            so that two conventions are not confused, and of several it has the last word; but a class that computes in
            float32 agrees with nothing there.
    """
    scenario = scenario.for_spec(spec)
    found = _Walked(spec, make, hyper, our_hyper, scenario, dtype, device)
    if dtype == WIDEST or found.end:
        return found.end or next(found.agreeing(), "")
    wide = _Walked(spec, make, hyper, our_hyper, scenario, WIDEST, device)
    for says in wide.agreeing():
        if says in found.agreeing(says):
            return says
    # Without float64's word one variant must be alone: a format may be too coarse to tell two apart.
    alone = list(itertools.islice(found.agreeing(), 2))
    return alone[0] if len(alone) == 1 else ""


class _Walked:
    """One optimizer's way through a scenario in one format, beside the formula's.

    ours    its parameters after every step; None where it does not work in this format, or where it agrees with the
            formula, so that nothing is to be explained
    end     a text where its numbers end and the formula's do not
    """

    def __init__(
        self, spec: Spec, make: Factory, hyper: Mapping[str, Any], our_hyper: Mapping[str, Any], scenario: Scenario,
        dtype: str, device: str,
    ) -> None:  # fmt: skip
        self.spec, self.hyper, self.scenario, self.dtype = spec, hyper, scenario.cast_to(dtype), dtype
        self.ours: np.ndarray | None = None
        self.end = ""
        try:
            ours = trajectory(make, our_hyper, self.scenario, device, dtype)
        except Exception:  # which must not hide the disagreement that was found elsewhere
            return
        self.right = _walk(Variant(says="", spec=spec, hyper=spec.hyper(**hyper)), self.scenario, dtype)
        steps = np.flatnonzero(~np.isfinite(ours).all(axis=1))
        if steps.size and (self.right is None or np.isfinite(self.right[0][: steps[0] + 1]).all()):
            self.end = f"its parameters are not finite after step {steps[0] + 1}"
        elif self.right is not None and not _agree(ours, self.right):
            self.ours = ours

    def agreeing(self, only: str = "") -> Iterator[str]:
        """What the variants say that it agrees with, the commonest first; `only` the one that says so."""
        if self.ours is None or self.right is None:
            return
        for variant in variants(self.spec, self.hyper):
            walked = None if only and variant.says != only else _walk(variant, self.scenario, self.dtype)
            # One that the formula agrees with as well explains nothing: such as decay elsewhere where there is none.
            if walked is not None and _agree(self.ours, walked) and not _agree(self.right[0], walked):
                yield variant.says


def _agree(values: np.ndarray, walked: tuple[np.ndarray, np.ndarray]) -> bool:
    """Within twice the error of the variant itself: the measure by which the formula was found to disagree."""
    return bool(gaps(values, walked[0], *walked).max() <= 1)


def _walk(variant: Variant, scenario: Scenario, dtype: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Values and errors of a variant's parameters after every step; None where it cannot be evaluated."""
    scenario = scenario.for_spec(variant.spec)
    start = [Bounded.exact(a, dtype) for a in scenario.start]
    try:
        hyper = bounded_hyper(variant.hyper)
        run = Trajectory(variant.spec, hyper, start)
        values, errors = [], []
        for row, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
            if variant.history == "None is zero":
                row = tuple(np.zeros_like(a) if g is None else g for a, g in zip(scenario.start, row, strict=True))
            gradients = [None if g is None else Bounded.exact(g, dtype) for g in row]
            run.step(gradients, 1.0 if variant.history == "lr constant" else factor)
            values.append(np.concatenate([np.ravel(p.value) for p in run.params]))
            errors.append(np.concatenate([np.ravel(p.error) for p in run.params]))
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None
    return np.stack(values), np.stack(errors)
