"""Spec and Case: what one optimizer is. Plain Python; knows no framework and no harness."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import vocabulary
from ._draws import Draws

State = dict[str, Any]
# Exactly these: the adapter, the oracle and the bounds all call an update by position. Each may end with DRAWING.
POSITIONAL = ("param", "grad", "state", "step")
ASKING = ("param", "evaluate", "state", "step")
OF_A_GROUP = ("params", "grads", "states", "shared", "step")
OF_ALL = ("params", "grads", "states", "overall", "step")
FORMS = (POSITIONAL, ASKING, OF_A_GROUP, OF_ALL)
DRAWING = "rng"
# Under this name the state of the first parameter has what all that step together have in common.
SHARED = "shared"


class SpecError(ValueError):
    """A formula file lacks something; the message says what, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Hyperparameters with a reason for being there.

    name        the test id, such as "eps-placement"
    reason      one sentence: which mistake this case alone would show
    hyper       torch's keyword names -> values; what is absent keeps its default
    problems    the problems that are trained with these values (none: the case is for comparison only)
    reference   "torch": held against the Spec's twin; "book": held against the book's rule of the same name
    """

    name: str
    reason: str
    hyper: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    reference: str = "torch"


def case(name: str, reason: str, *, problems: tuple[str, ...] = (), reference: str = "torch", **hyper: Any) -> Case:
    """A Case whose hyperparameters are written as keywords."""
    return Case(name=name, reason=reason, hyper=hyper, problems=problems, reference=reference)


@dataclass(frozen=True, kw_only=True, eq=False)
class Spec:
    """One optimizer: a pure formula, the cases it is judged on, and where it comes from.

    init(param, *, some hyperparameters) -> state
        state maps torch's state names to values shaped like param, or to None for "no value before step 1"
    update(param, grad, state, step, *, lr, ...) -> (param, state)
        pure; runs unchanged on floats, NumPy arrays, torch tensors, multi-precision numbers and
        (value, rounding error) pairs; step is a Python number that starts at 1
        an update that asks for `evaluate` in the place of grad gets all parameters as one vector, and
        evaluate(param) -> (loss, grad), which it may call as often as it likes
        update(params, grads, states, shared, step, *, ...) -> (params, states, shared) steps those of a group that
        have a gradient at once, in tuples; shared is a dict that they have in common. With `overall` in the place of
        shared it steps all groups, which must then have the same hyperparameters
        one that ends with `rng` draws by rng.uniform(x) and rng.normal(x), and has the keyword seed
    init_shared(*, some hyperparameters) -> the dict that the parameters of a group, or all, have in common
    evaluation(param, state, *, some hyperparameters) -> the point at which a method that averages is evaluated
    reference   the name of its twin in the reference framework; None where it has none: then the formula on NumPy
                stands beside the formula on torch
    elementwise False: an element's step depends on others, so that single numbers and reshaped copies go another way
    dims        the number of dimensions that parameters must have; None for any
    sparse      it takes sparse gradients: the adapter gathers what they touch, updates that alone, and scatters it
    results     the names of state that is a result, as the parameter is: whoever has it is judged by it
    signed      the hyperparameters that may be negative
    requires    {"what must hold, as a sentence": predicate over all hyperparameters}
    """

    name: str
    init: Callable[..., State]
    update: Callable[..., Any]
    cases: tuple[Case, ...]
    source: str
    reference: str | None
    elementwise: bool = True
    dims: int | None = None
    sparse: bool = False
    results: tuple[str, ...] = ()
    signed: tuple[str, ...] = ()
    requires: Mapping[str, Callable[[Mapping[str, Any]], bool]] = field(default_factory=dict)
    init_shared: Callable[..., State] | None = None
    evaluation: Callable[..., Any] | None = None

    @functools.cached_property
    def closure(self) -> bool:
        """Whether it evaluates the loss itself, so that a step needs a closure."""
        return self.form == ASKING

    @functools.cached_property
    def together(self) -> bool:
        """Whether several parameters step at once."""
        return self.form in (OF_A_GROUP, OF_ALL)

    @functools.cached_property
    def overall(self) -> bool:
        """Whether the parameters of all groups step at once."""
        return self.form == OF_ALL

    @functools.cached_property
    def draws(self) -> bool:
        """Whether it asks for random numbers."""
        return positional(self.update)[-1:] == (DRAWING,)

    @functools.cached_property
    def spectral(self) -> bool:
        """Whether it uses functions of a matrix, of which the state holds some as large as a side of the parameter."""
        words = (vocabulary.eigh, vocabulary.qr, vocabulary.svd, vocabulary.inv_root)
        return any(word in words for word in self._globals.values() if callable(word))

    @property
    def _globals(self) -> Mapping[str, Any]:
        """What the module of the update defines."""
        update: Any = self.update
        while isinstance(update, functools.partial):  # an option that is fixed
            update = update.func
        return update.__globals__

    @property
    def sampled(self) -> bool:
        """Whether it has no bound of first order, and is bounded by random rounding."""
        return self.closure or self.spectral

    @property
    def form(self) -> tuple[str, ...]:
        names = positional(self.update)
        return names[:-1] if names[-1:] == (DRAWING,) else names

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        """Every hyperparameter of the formula with its default, in the order of the signature."""
        parameters = inspect.signature(self.update).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    @property
    def formula(self) -> str:
        """The docstring of the formula's file."""
        return inspect.cleandoc(self._globals.get("__doc__") or "")

    def hyper(self, **given: Any) -> dict[str, Any]:
        """All hyperparameters: the defaults, overridden by what is given.

        Raises TypeError for a name that the formula does not take and ValueError for a value out of range, the
        same two errors that a class of torch.optim raises.
        """
        defaults = self.defaults
        for name in given:
            if name not in defaults:
                raise TypeError(f"{self.name} takes no option {name!r}; it takes {', '.join(defaults)}")
        full = {**defaults, **given}
        for name, value in full.items():
            for number in value if isinstance(value, (tuple, list)) else (value,):
                # `not 0 <= x` is true for NaN as well, which `x < 0` would let through.
                counts = number is not None and not isinstance(number, (bool, str)) and name not in self.signed
                if counts and not number >= 0:
                    raise ValueError(f"invalid {name}: {value!r}; {self.name} needs a number that is at least 0")
        for sentence, holds in self.requires.items():
            if not holds(full):
                raise ValueError(f"{self.name}: {sentence}")
        return full

    def start(self, param: Any, hyper: Mapping[str, Any]) -> State:
        """The state before step 1; init receives those hyperparameters that it names."""
        return self.init(param, **{name: hyper[name] for name in keywords(self.init)})

    def start_shared(self, hyper: Mapping[str, Any]) -> State:
        """What the parameters of a group, or all, have in common before step 1."""
        return self.init_shared(**{n: hyper[n] for n in keywords(self.init_shared)}) if self.init_shared else {}

    def evaluated(self, param: Any, state: State, hyper: Mapping[str, Any]) -> Any:
        """The point at which it is evaluated: the parameter itself, unless it averages."""
        if self.evaluation is None:
            return param
        return self.evaluation(param, state, **{name: hyper[name] for name in keywords(self.evaluation)})

    def random(self, hyper: Mapping[str, Any], place: int, step: int) -> tuple[Any, ...]:
        """What an update gets behind the step: its random numbers, where it asks for them."""
        return (Draws(hyper["seed"], place, step),) if self.draws else ()

    def case(self, name: str) -> Case:
        """The case of that name; KeyError names those that exist."""
        for candidate in self.cases:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.name} has no case {name!r}; it has {', '.join(c.name for c in self.cases)}")

    def case_for(self, problem: str) -> Case:
        """The case that trains this problem; where no case names it, the first one, which holds the defaults."""
        return next((c for c in self.cases if problem in c.problems), self.cases[0])


def positional(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(p.name for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD)


def keywords(function: Callable[..., Any]) -> list[str]:
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]


def as_shape(shape: Sequence[int], dims: int | None) -> tuple[int, ...]:
    """The shape with that many dimensions and as many elements; as it is where any number will do."""
    shape = tuple(shape)
    if dims is None or len(shape) == dims:
        return shape
    if len(shape) < dims:
        # Columns: a vector is a matrix of one column, and a single number one of one element.
        return shape + (1,) * (dims - len(shape))
    return (*shape[: dims - 1], math.prod(shape[dims - 1 :]))


def map_state(state: Mapping[str, Any], change: Callable[[Any], Any]) -> State:
    """A state with every value changed, those in lists and in what parameters share as well."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return map_state(value, change)
        return [change(v) for v in value] if isinstance(value, list) else change(value)

    return {name: changed(value) for name, value in state.items()}
