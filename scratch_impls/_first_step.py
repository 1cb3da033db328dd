"""The first steps of a formula, tried on NumPy's arrays when a file is loaded: what no syntax tree shows.

The arrays are read-only, so that a formula that changes what it was given ends at the line that does so.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .spec import Case, Spec, SpecError, as_shape, map_state

SHAPE, STEPS = (4, 5), 2
PURE = "a formula changes no input: write x = x + y in the place of x += y, and return a new state"


def refuse_wrong_first_steps(spec: Spec, file: str) -> None:
    """SpecError with line and remedy where the first two steps of a case are no steps."""
    for case in spec.cases:
        _try(spec, case, file)


def _try(spec: Spec, case: Case, file: str) -> None:
    import numpy

    rng = numpy.random.default_rng(0)
    shape = as_shape(SHAPE, spec.dims)
    hyper = spec.hyper(**case.hyper)
    last = f"{file}:{spec.update.__code__.co_firstlineno}"
    param: Any = rng.standard_normal(shape).astype(numpy.float32)
    with numpy.errstate(all="ignore"):
        try:
            state: Any = spec.start(_frozen(param), hyper)
            shared: Any = spec.start_shared(hyper)
            for step in range(1, STEPS + 1):
                grad = _frozen(rng.standard_normal(shape).astype(numpy.float32))
                given = MappingProxyType({name: _frozen_state(value) for name, value in state.items()})
                first: tuple[Any, ...] = (_frozen(param), _source(spec, grad), given)
                if spec.together:  # one alone: what it returns is a tuple of one
                    first = (
                        *((one,) for one in first),
                        MappingProxyType({n: _frozen_state(v) for n, v in shared.items()}),
                    )
                made = spec.update(*first, step, *spec.random(hyper, 0, step), **hyper)
                if spec.together:
                    made, shared = _of_one(made, set(shared), last)
                if told := _wrong_result(made, shape, set(state), case):
                    raise SpecError(f"{last}: {told}")
                param, state = made
        except SpecError:
            raise
        except Exception as error:
            if told := _wrong_act(error, case):
                raise SpecError(f"{_line(error, file) or last}: {told}") from None
            return  # whatever else it raises shows where it is used, with a traceback


def _frozen(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def _frozen_state(value: Any) -> Any:
    return map_state({"": value}, lambda one: _frozen(one) if hasattr(one, "flags") and one.ndim else one)[""]


def _source(spec: Spec, grad: Any) -> Any:
    """The gradient, or the loss that has it, a bowl."""
    return (lambda x: (float((grad * x + x * x / 2).sum()), grad + x)) if spec.closure else grad


def _of_one(made: Any, names: set[str], last: str) -> tuple[Any, Any]:
    """The parameter and the state of one that stepped together with none; and what is shared."""
    right = isinstance(made, tuple) and len(made) == 3 and all(len(one) == 1 for one in made[:2])
    if not right or set(made[2]) != names:
        raise SpecError(
            f"{last}: update must return (new parameters, new states, shared), two tuples as long as params, and in "
            f"shared what init_shared makes: {', '.join(sorted(names)) or 'nothing'}"
        )
    return (made[0][0], made[1][0]), made[2]


def _wrong_result(made: Any, shape: tuple[int, ...], names: set[str], case: Case) -> str:
    """What is wrong with what an update returned, "" where nothing is."""
    import numpy

    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], Mapping)):
        kind = f"{len(made)} values" if isinstance(made, tuple) else f"a {type(made).__name__}"
        return f"update returned {kind}; it must return (new parameter, new state)"
    param, state = made
    found = tuple(getattr(param, "shape", ()))
    if found != shape:
        return (
            f"update made of a parameter of shape {shape} one of shape {found}; it must keep the shape: "
            "reshape(x, param.shape), or where a sum was taken keepdims=True"
        )
    if param.dtype != numpy.float32:
        return (
            f"update made of a parameter of float32 one of {param.dtype}; it must keep the format: "
            "zeros_like(x) and full_like(x, value) make arrays of the format of x, and numbers stay plain"
        )
    if names != set(state):
        lost, new = sorted(names - set(state)), sorted(set(state) - names)
        told = [f"init makes {', '.join(lost)}, which update does not return"] if lost else []
        told += [f"update returns {', '.join(new)}, which init does not make"] if new else []
        return f"{'; '.join(told)} (case {case.name}): both must have the same names of state"
    if not numpy.isfinite(param).all():
        return (
            f"the first step divides by zero, or takes the root of a negative number (case {case.name}): the parameter "
            "is not finite; state starts at 0, and step at 1: add eps, or maximum(x, eps)"
        )
    return ""


def _wrong_act(error: Exception, case: Case) -> str:
    if isinstance(error, ZeroDivisionError):
        return f"division by zero in the first steps (case {case.name}): step starts at 1, and state at what init makes"
    text = str(error)
    if (isinstance(error, ValueError) and "read-only" in text) or "mappingproxy" in text:
        return f"it changes its input; {PURE}"
    return ""


def _line(error: Exception, file: str) -> str:
    """Where in the file it was raised."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1]}" if lines else ""
