"""One slip in one line of a formula, whosever it is: its source with another operand, sign, factor or order.

For what no convention has a name for. A formula file is read as source, one place of it is changed at a time, and the
cause is the changed line beside the right one, so that it says no more than was tried.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...scratch_impls import Spec
from ._eps import of_eps
from ._sites import Slip, of_expressions, of_lines, of_state
from ._variant import Hyper, Variant


def slips(spec: Spec, hyper: Hyper) -> Iterator[Variant]:
    """The formula with each slip; none where its source is not to be had, or is not its own."""
    full = spec.hyper(**hyper)
    if spec.closure or hasattr(spec.update, "__wrapped__"):  # of what is wrapped the source is another formula's
        return
    for says, update in _slipped(spec.update):
        yield Variant(says=says, spec=replace(spec, update=update), hyper=full)


@functools.lru_cache(maxsize=32)
def _slipped(update: Callable[..., Any]) -> tuple[tuple[str, Callable[..., Any]], ...]:
    """What each slip says, and the update that has it; of two that say the same the first."""
    try:
        source = ast.parse(textwrap.dedent(inspect.getsource(update))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return ()
    if not isinstance(source, ast.FunctionDef):
        return ()
    found: dict[str, Callable[..., Any]] = {}
    for slip in _all(source):
        if slip.says not in found and (made := _compiled(slip, update)) is not None:
            found[slip.says] = made
    return tuple(found.items())


def _all(function: ast.FunctionDef) -> Iterator[Slip]:
    yield from of_eps(function)
    yield from of_state(function)
    yield from of_expressions(function)
    yield from of_lines(function)


def _compiled(slip: Slip, update: Callable[..., Any]) -> Callable[..., Any] | None:
    function = copy.copy(slip.function)
    function.decorator_list = []
    module = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    names = dict(update.__globals__)
    try:
        exec(compile(module, f"<{update.__module__} with a slip>", "exec"), names)
    except (SyntaxError, ValueError, NameError):
        return None
    made: Callable[..., Any] = names[function.name]
    return made
