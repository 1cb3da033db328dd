"""The gradient histories of a comparison with the reference, as the subject under judgement takes them.

In the shapes that were given or that it takes; and at one learning rate where a side's groups say none, which the
report then says.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from ....scratch_impls import as_shape
from ...compare import scenario
from ...compare.scenario import SHAPES, Scenario
from ..context import Context, note

Shape = tuple[int, ...]


def probe(context: Context, seed: int, *, shapes: tuple[Shape, ...] | None = None, **options: Any) -> Scenario:
    """The history of a replay; the options are those of `scenario.probe`."""
    if shapes is None and context.shapes:
        wanted = tuple(as_shape(shape, context.dims) for shape in context.shapes)
    else:
        wanted = tuple(_fitted(context, shape) for shape in shapes or SHAPES)
    history = scenario.probe(seed, shapes=wanted, **options)
    # Who counts the steps of a group goes another way than the reference where a parameter lacks a gradient.
    return _at_rates_of(context, _without_holes(history) if "group-state" in context.declared else history)


def tiny(context: Context, seed: int) -> Scenario:
    """Gradients between 1e-12 and 1e-4 in magnitude, where eps decides the size of a step."""
    return _of_one_shape(_fitted(context, (24,)), seed)


def _fitted(context: Context, shape: Shape) -> Shape:
    # The formula's own dimensions come with its scenario: one history for all of them is computed once.
    fit = context.seen.fit(shape)
    return shape if fit == as_shape(shape, context.dims) else fit


@functools.lru_cache(maxsize=8)
def _of_one_shape(shape: Shape, seed: int) -> Scenario:
    made = scenario.tiny(seed, n=math.prod(shape))
    if shape == made.start[0].shape:
        return made
    rows = tuple((np.reshape(row[0], shape),) for row in made.gradients if row[0] is not None)
    return dataclasses.replace(made, start=(np.reshape(made.start[0], shape),), gradients=rows)


def _at_rates_of(context: Context, history: Scenario) -> Scenario:
    if not context.one_rate or set(history.lr_factors) == {1.0}:
        return history
    note(f"judged at one learning rate: {context.one_rate}")
    return _at_one_rate(history)


@functools.lru_cache(maxsize=16)
def _without_holes(history: Scenario) -> Scenario:
    """Every parameter has a gradient at every step: where one is missing, another step's."""
    columns = [[g for g in column if g is not None] for column in zip(*history.gradients, strict=True)]
    rows = tuple(
        tuple(g if g is not None else column[t % len(column)] for g, column in zip(row, columns, strict=True))
        for t, row in enumerate(history.gradients)
    )
    return dataclasses.replace(history, gradients=rows)


@functools.lru_cache(maxsize=64)  # one object for one history, so that what is computed of it can be kept with it
def _at_one_rate(history: Scenario) -> Scenario:
    return history.at_one_rate()
