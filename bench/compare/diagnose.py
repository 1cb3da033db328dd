"""Why two optimizers disagree, as far as the common conventions explain it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...reference.conventions import Variant, variants
from ...reference.oracle import Trajectory
from ...scratch_impls import Spec
from .bounded import Bounded, bounded_hyper
from .gap import gaps
from .replay import Factory, trajectory
from .scenario import Scenario


def likely_cause(
    spec: Spec,
    make: Factory,
    hyper: Mapping[str, Any],
    our_hyper: Mapping[str, Any],
    scenario: Scenario,
    dtype: str,
    device: str = "cpu",
) -> str:
    """The first variant of the formula that the optimizer agrees with, in words; "" where none does.

    Looked up in float64 over the parameters, whatever dtype the disagreement was found in.
    """
    try:
        ours = trajectory(make, our_hyper, scenario.for_spec(spec), device)
    except Exception:  # it does not work in float64, which must not hide the disagreement that was found elsewhere
        return ""
    if not np.isfinite(ours).all():
        step = int(np.flatnonzero(~np.isfinite(ours).all(axis=1))[0])
        return f"its parameters are not finite after step {step + 1}"
    for variant in variants(spec, hyper):
        walked = _walk(variant, scenario)
        if walked is not None and gaps(ours, walked[0], walked[0], walked[1]).max() <= 1:
            return variant.says
    return ""


def _walk(variant: Variant, scenario: Scenario) -> tuple[np.ndarray, np.ndarray] | None:
    """Values and errors of a variant's parameters after every step; None where it cannot be evaluated."""
    scenario = scenario.for_spec(variant.spec)
    start = [Bounded.exact(a, "float64") for a in scenario.start]
    try:
        hyper = bounded_hyper(variant.hyper)
        run = Trajectory(variant.spec, hyper, start)
        values, errors = [], []
        for row, factor in zip(scenario.gradients, scenario.lr_factors, strict=True):
            if variant.history == "None is zero":
                row = tuple(np.zeros_like(a) if g is None else g for a, g in zip(scenario.start, row, strict=True))
            gradients = [None if g is None else Bounded.exact(g, "float64") for g in row]
            run.step(gradients, 1.0 if variant.history == "lr constant" else factor)
            values.append(np.concatenate([np.ravel(p.value) for p in run.params]))
            errors.append(np.concatenate([np.ravel(p.error) for p in run.params]))
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None
    return np.stack(values), np.stack(errors)
