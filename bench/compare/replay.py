"""Replay: two optimizers receive the same gradients, and every parameter and state tensor is compared at every step.

The formula runs beside them on (value, rounding error) pairs through the whole history, so the allowed gap of each
element grows exactly as fast as rounding lets two right implementations drift apart. Lockstep is the replay of one
step from synchronised state (`synced_scenario`), or of many with the parameters set equal after each (`equal_params`).
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from ...scratch_impls import Spec
from .bounds import bounds_of
from .driver import Factory, Side, as_row, joined, trajectory
from .exact import BEYOND, reasons
from .formula_rows import Layout, formula_rows
from .gap import Replay, alike_not_finite, gaps
from .scenario import HyperKey, Scenario

__all__ = ["Factory", "replay", "trajectory"]


def replay(
    spec: Spec,
    hyper: Mapping[str, Any],
    ours: Factory,
    theirs: Factory,
    scenario: Scenario,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    our_hyper: Mapping[str, Any] | None = None,
    their_hyper: Mapping[str, Any] | None = None,
    states: str | tuple[str, ...] = "all",
    equal_params: bool = False,
) -> Replay:
    """Drive two optimizers through one scenario.

    spec, hyper     the formula that bounds the gap, and the case's hyperparameters
    ours, theirs    (params, **hyper) -> optimizer; state tensors are compared under the formula's names
    our_hyper, their_hyper      what that side receives, where it is not hyper
    states          "all": every state tensor of the formula must be there on both sides; "shared": only those that both
                    sides have, for a class whose state has names of its own; or the names of which that holds
    equal_params    set the parameters equal after each step, so that every step is judged alone: lockstep for a class
                    whose state cannot be set from outside
    """
    full = spec.hyper(**hyper)
    scenario = scenario.as_driven(spec, dtype)
    side = functools.partial(Side, scenario=scenario, dtype=dtype, device=device, together=spec.closure)
    left = side(ours, hyper=hyper if our_hyper is None else our_hyper)
    right = side(theirs, hyper=hyper if their_hyper is None else their_hyper)
    if equal_params:  # what is computed depends on where theirs went
        bounds = bounds_of(spec, full, scenario, dtype)
        layout, expected = Layout.of(bounds), None
    else:
        layout, expected = formula_rows(spec, HyperKey(full), scenario, dtype)
    rows: dict[str, list[np.ndarray]] = {"ours": [], "theirs": [], "value": [], "error": [], "no_number": []}
    for step, (gradients, factor) in enumerate(zip(scenario.gradients, scenario.lr_factors, strict=True)):
        tensors = [None if g is None else torch.from_numpy(g) for g in gradients]
        # The same tensors for both: each side copies them into buffers of its own, and may write into those.
        left.step(tensors, factor)
        right.step(tensors, factor)
        if expected is not None:
            there, value, error = expected[step]
        else:
            bounds.step(gradients, factor)
            there, value, error = layout.bounds_row(bounds)
        rows["ours"].append(layout.row(left.read(layout.names, there)))
        rows["theirs"].append(layout.row(right.read(layout.names, there)))
        rows["value"].append(value)
        rows["error"].append(error)
        rows["no_number"].append(~layout.there(there))
        if equal_params:
            left.copy_params_from(right)
            # Copies: the next step writes into theirs.
            bounds.set_params([as_row(joined(unit)).copy() for unit in right.units])
    arrays = {name: np.stack(found) for name, found in rows.items()}
    if states != "all":
        _ignore_state(arrays, layout, states)
    # A formula without a twin whose update returned NaN agreed with itself on NumPy, with gap 0 (CHANGELOG).
    alone = all(getattr(type(each.optimizer), "spec", None) is spec for each in (left, right))
    if not equal_params:  # else each step begins where theirs went, which this does not follow
        _find_no_number(arrays, reasons(spec, full, scenario, dtype, layout), dtype, alone=alone)
    return Replay(**arrays, gap_bounds=gaps(**arrays), slots=layout.slots(scenario.labels), dtype=dtype)


def _find_no_number(arrays: dict[str, np.ndarray], why: Iterator[Any], dtype: str, *, alone: bool) -> None:
    """Marks where two that are equally not finite are right, since the formula's exact value is no number there.

    why     the exact rows; they cost a thousand times what the bounds do, and are asked for only where they decide
    alone   both sides are the formula itself: of a number that is none, as 0 / 0, nobody else says that it is right
    """
    with np.errstate(invalid="ignore"):
        # With a finite bound and a value within the format there is an exact number: fifty digits would only say so.
        may_be_none = ~(np.isfinite(arrays["error"]) & (abs(arrays["value"]) < torch.finfo(getattr(torch, dtype)).max))
    doubtful = alike_not_finite(arrays["ours"], arrays["theirs"]) & ~arrays["no_number"] & may_be_none
    steps = np.flatnonzero(doubtful.any(axis=1))
    if not steps.size:
        return
    # A formula that exact numbers cannot be given to, such as one that calls a library, shows nothing: no excuse.
    with contextlib.suppress(ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
        for step, row in enumerate(itertools.islice(why, int(steps[-1]) + 1)):
            excused = row == BEYOND if alone else row != ""
            arrays["no_number"][step] |= doubtful[step] & excused
            if (doubtful[step] & ~excused).any():
                return  # it is wrong from here on


def _ignore_state(arrays: dict[str, np.ndarray], layout: Layout, states: str | tuple[str, ...]) -> None:
    """Takes the state tensors out that are not to be compared; the parameters always are."""
    first = 0
    for (_, name), size in zip(layout.places(), layout.sizes, strict=True):
        part = slice(first, first + size)
        first += size
        absent = any(np.isnan(arrays[side][:, part]).all() for side in ("ours", "theirs"))
        if name != "param" and size and (absent or (states != "shared" and name not in states)):
            for side in ("ours", "theirs", "value"):
                arrays[side][:, part] = np.nan
            arrays["no_number"][:, part] = True
