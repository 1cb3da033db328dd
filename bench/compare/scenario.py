"""Seeded gradient histories: what both implementations of a replay or a lockstep receive.

A probe, not a typical run: the regimes in which two conventions differ stand side by side in every history, since on
ordinary gradients with a constant learning rate dozens of wrong conventions look right.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...reference.oracle import Trajectory
from ...scratch_impls import Spec, as_shape, map_state

Arrays = tuple[np.ndarray, ...]


class HyperKey:
    """Hyperparameters that a cache can be asked for: equal where all of them are, in type as well (1 is no True)."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.key = repr(sorted(values.items()))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HyperKey) and self.key == other.key


# Compared by identity: one seed's history is made once (`probe`), so that what is computed of it can be kept with it.
@dataclass(frozen=True, kw_only=True, eq=False)
class Scenario:
    """What happens to a list of parameters, step by step.

    start       the parameters, float64 arrays of any shape; nobody writes into the arrays of a scenario
    gradients   one tuple a step, with an array or None for each parameter
    lr_factors  one number a step; the case's lr times it is the learning rate of that step
    synced      None, or for each parameter its step count and state, which both sides begin with
    names       how messages call the parameters; p0, p1, ... unless given
    rugged      the loss that a gradient stands for has hills and pits, where one is evaluated
    """

    name: str
    start: Arrays
    gradients: tuple[tuple[np.ndarray | None, ...], ...]
    lr_factors: tuple[float, ...]
    synced: tuple[tuple[int, dict[str, Any]], ...] | None = None
    names: tuple[str, ...] = ()
    rugged: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        return self.names or tuple(f"p{i}" for i in range(len(self.start)))

    def for_spec(self, spec: Spec) -> Scenario:
        """As the formula can take it: in parameters of its dimensions, and with few steps where each is many."""

        def reshaped(array: np.ndarray | None) -> Any:
            return None if array is None else np.reshape(array, as_shape(np.shape(array), spec.dims))

        rows, factors = self.gradients, self.lr_factors
        if spec.closure:
            kept = sorted({round(t) for t in np.linspace(0, len(rows) - 1, CLOSURE_STEPS)})
            # A line search divides by its first trial: from an lr of 0 torch's raises (lbfgs-search-at-rate-zero).
            rows, factors = tuple(rows[t] for t in kept), tuple(factors[t] or 1.0 for t in kept)
        if spec.dims is not None:
            rows = tuple(tuple(reshaped(g) for g in row) for row in rows)
        return replace(self, start=tuple(reshaped(a) for a in self.start), gradients=rows, lr_factors=factors)

    @functools.lru_cache(maxsize=64)  # noqa: B019  a scenario is small, and comes again for every side and option
    def as_driven(self, spec: Spec, dtype: str) -> Scenario:
        """As the formula can take it, rounded to the format."""
        return self.for_spec(spec).cast_to(dtype)

    def at_one_rate(self) -> Scenario:
        """The same without any change of the learning rate, for whom no group says one."""
        return self if set(self.lr_factors) <= {1.0} else replace(self, lr_factors=(1.0,) * len(self.lr_factors))

    def cast_to(self, dtype: str) -> Scenario:
        """Start and gradients rounded to the format, so that every side and the bounds start from the same values."""
        gradients = tuple(tuple(None if g is None else cast(g, dtype) for g in row) for row in self.gradients)
        return replace(self, start=tuple(cast(a, dtype) for a in self.start), gradients=gradients)


def spread_gradient(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Half ordinary N(0, 1), half magnitudes from 1 down to 1e-9 with random signs, and a few zeros."""
    # Where g is far below eps, and at 0, conventions differ by factors that ordinary gradients hide in the last digits.
    ordinary = rng.standard_normal(shape)
    tiny = rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-9, 0, shape)
    gradient = np.asarray(np.where(np.arange(ordinary.size).reshape(shape) % 2 == 0, ordinary, tiny))
    if gradient.size > 8:
        gradient.reshape(-1)[:3] = 0.0
    return gradient


# A step of a formula that evaluates the loss itself is up to twenty steps of another. Four, evenly out of all, keep the
# large first gradient, both learning rates and a late start.
CLOSURE_STEPS = 4

# A matrix, a vector of no whole vector width, a single number: kernels and rules of matrices handle each otherwise.
SHAPES: tuple[tuple[int, ...], ...] = ((4, 5), (7,), ())


@functools.lru_cache(maxsize=16)
def spread_history(seed: int, shape: tuple[int, ...], dtype: str, count: int = 12) -> tuple[np.ndarray, ...]:
    """A start of N(0, 1) and `count` spread gradients of one shape, rounded to the format; made once."""
    rng = np.random.default_rng([seed, *shape])
    made = (rng.standard_normal(shape), *(spread_gradient(rng, shape) for _ in range(count)))
    return tuple(cast(array, dtype) for array in made)


@functools.lru_cache(maxsize=32)
def probe(
    seed: int, *, steps: int = 60, shapes: tuple[tuple[int, ...], ...] = SHAPES, late: bool = False,
    rugged: bool = False,
) -> Scenario:  # fmt: skip
    """The history of a replay.

    The first gradient is a hundred times too large, so that an early maximum stays visible; the first parameter has
    a constant coordinate; the second has no gradient at every seventh step. lr falls to a tenth after a third of them
    and comes back after two thirds; of more than five steps it is 0 in the third, where state must go on all the same.
    With late=True the last parameter has no gradient in the first five steps.
    rugged  see Scenario
    """
    rng = np.random.default_rng(seed)
    start = tuple(np.asarray(rng.standard_normal(shape)) for shape in shapes)
    history: list[tuple[np.ndarray | None, ...]] = []
    for t in range(steps):
        gradients: list[np.ndarray | None] = []
        for i, shape in enumerate(shapes):
            # An early maximum stays in amsgrad's state for good: of the corrected average (optax) the next steps are
            # 31.6 times shorter than of the raw one.
            gradient = spread_gradient(rng, shape) * (100.0 if t == 0 else 1.0)
            if i == 0 and gradient.size > 8:
                # A constant coordinate: centered RMSProp divides by sqrt(v - m^2), which goes to 0 there.
                gradient.reshape(-1)[4] = 0.5
            # None is not zero: who takes it for zero decays momentum and counts a step. A late start shows who counts
            # the steps of the optimizer instead of the parameter's.
            missing = (i == 1 and t % 7 == 3) or (late and i == len(shapes) - 1 and t < 5)
            gradients.append(None if missing else gradient)
        history.append(tuple(gradients))
    # At a constant lr, lr inside or outside the velocity, decay scaled by lr or not, and a schedule that is one step
    # late cannot be told apart; after lr / 10 the first is 9.1 times off at momentum 0.9.
    third = max(steps // 3, 1)
    factors = tuple(0.0 if t == 2 and steps > 5 else 0.1 if third <= t < 2 * third else 1.0 for t in range(steps))
    name = "late-start" if late else "rugged" if rugged else "probe"
    return Scenario(name=name, start=start, gradients=tuple(history), lr_factors=factors, rugged=rugged)


@functools.lru_cache(maxsize=8)
def tiny(seed: int, *, steps: int = 20, n: int = 24) -> Scenario:
    """Gradients between 1e-12 and 1e-4 in magnitude, where eps decides the size of a step."""
    rng = np.random.default_rng(seed)
    start = (rng.standard_normal(n),)
    # One magnitude an element, so that averages stay as small as gradients.
    sizes = 10.0 ** rng.uniform(-12, -4, n)
    history = tuple((sizes * rng.standard_normal(n),) for _ in range(steps))
    return Scenario(name="tiny", start=start, gradients=history, lr_factors=(1.0,) * steps)


def cast(array: np.ndarray, dtype: str) -> np.ndarray:
    """Rounded to the format and back to float64, so that all number systems start from the same values."""
    # torch rounds for NumPy, which has no bfloat16.
    if dtype == "float64":
        return np.asarray(array, dtype=np.float64)
    rounded: np.ndarray = torch.from_numpy(np.array(array, dtype=np.float64)).to(getattr(torch, dtype)).double().numpy()
    return rounded


def synced_scenario(
    spec: Spec,
    hyper: Mapping[str, Any],
    *,
    sizes: tuple[int | tuple[int, ...], ...],
    warm: int,
    dtype: str,
    away: tuple[bool, ...] = (False, True),
    seed: int = 0,
) -> Scenario:
    """One step of several parameters from the state that `warm` steps of the formula leave behind; 0 is a fresh start.

    sizes   elements of each parameter, or its shape: one a multiple of every vector width, one that leaves trailing
            elements
    away    False puts a parameter at 0, where the update keeps all its bits; True at N(0, 1), where weight decay
            shows and the last subtraction rounds
    """
    return _synced(spec, HyperKey(spec.hyper(**hyper)), sizes, warm, dtype, away, seed)


# Every path of a twin is held against the formula from the same states.
@functools.lru_cache(maxsize=16)
def _synced(
    spec: Spec, hyper: HyperKey, sizes: tuple[int | tuple[int, ...], ...], warm: int, dtype: str,
    away: tuple[bool, ...], seed: int,
) -> Scenario:  # fmt: skip
    chosen = [(n, far) for n in sizes for far in away]
    made = [spread_history(seed, as_shape(n if isinstance(n, tuple) else (n,), spec.dims), dtype) for n, _ in chosen]
    history = Trajectory(spec, hyper.values, [arrays[0] for arrays in made])
    for t in range(warm):
        history.step([arrays[1 + t] for arrays in made])
    # The state is rounded, as what somebody saved in that format is: both sides load it bit for bit.
    synced = [(warm, map_state(state, lambda value: _round_state(value, dtype))) for state in history.states]
    return Scenario(
        name=f"lockstep after {warm} steps",
        start=tuple(
            arrays[0] if far else np.zeros_like(arrays[0]) for arrays, (_, far) in zip(made, chosen, strict=True)
        ),
        gradients=(tuple(arrays[-1] for arrays in made),),
        lr_factors=(1.0,),
        synced=tuple(synced) if warm else None,
        names=tuple(f"n={n} {'away from' if far else 'at'} 0" for n, far in chosen),
    )


def _round_state(value: Any, dtype: str) -> Any:
    """A state value in the format; a number stays a number, and a count the count that it is."""
    if isinstance(value, int):
        return value
    if value is None or isinstance(value, np.ndarray):
        return None if value is None else cast(value, dtype)
    return float(cast(np.asarray(value), dtype))


def recorded(params: list[Any], loss: Any, make: Any, hyper: Any, *, steps: int) -> Scenario:
    """The gradients that an optimizer really met: params are trained for `steps` steps, and every gradient kept.

    loss    step -> differentiable loss of params
    make    (params, **hyper) -> optimizer
    """
    start = tuple(p.detach().double().numpy().copy() for p in params)
    optimizer = make(params, **hyper)
    history = []
    for step in range(steps):
        optimizer.zero_grad()
        loss(step).backward()
        history.append(tuple(p.grad.double().numpy().copy() for p in params))
        optimizer.step()
    return Scenario(name="recorded", start=start, gradients=tuple(history), lr_factors=(1.0,) * steps)
