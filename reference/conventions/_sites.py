"""The places of a function in which one slip changes the rule, each with the function that has it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

from ._rules import RULES, Exchange, scalars_of


class Slip(NamedTuple):
    says: str
    function: ast.FunctionDef


def of_expressions(function: ast.FunctionDef) -> Iterator[Slip]:
    """Other operands in comparisons, lost corrections, roots, squares and factors, turned signs, exchanged names."""
    scalars = scalars_of(function)
    for rule in RULES:
        for node in _body(function):
            for other in rule(node, scalars):
                yield Slip(_says(node, other), replaced(function, node, other))


def of_lines(function: ast.FunctionDef) -> Iterator[Slip]:
    """A line that goes on with what it assigns, `k = k / mean(k)`, is left out."""
    for node in _body(function):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node.value)):
            yield Slip(f"a line is missing: `{ast.unparse(node)}`", replaced(function, node, ast.Pass()))


def of_state(function: ast.FunctionDef) -> Iterator[Slip]:
    """What the state held before the step is used where the new value belongs."""
    for made in _body(function):
        for key, name in _kept(made):
            if (last := _last_assignment(function, name)) is None:
                continue
            old = ast.parse(f'state["{key}"]', mode="eval").body
            uses = [n for n in _body(function) if isinstance(n, ast.Name) and n.id == name
                    and isinstance(n.ctx, ast.Load) and n.lineno > last and not _is_kept(function, n)]  # fmt: skip
            if uses:
                other = _with(function, [_index(function, use) for use in uses], old)
                yield Slip(f"{key} of the last step stands where that of this step belongs", other)


def replaced(function: ast.FunctionDef, node: ast.AST, other: ast.AST) -> ast.FunctionDef:
    """A copy of the function with another node in that place."""
    return _with(function, [_index(function, node)], other)


def _body(function: ast.FunctionDef) -> list[ast.AST]:
    return [node for statement in function.body for node in ast.walk(statement)]


def _says(node: ast.AST, other: ast.AST) -> str:
    return f"`{ast.unparse(other)}` stands where `{ast.unparse(node)}` belongs"


def _index(function: ast.FunctionDef, node: ast.AST) -> int:
    return next(i for i, each in enumerate(_body(function)) if each is node)


def _with(function: ast.FunctionDef, places: list[int], other: ast.AST) -> ast.FunctionDef:
    """A copy of the function with the other node in those places of its body."""
    made = copy.deepcopy(function)
    nodes = _body(made)
    changed = Exchange([nodes[place] for place in places], other).visit(made)
    assert isinstance(changed, ast.FunctionDef)
    return changed


def _kept(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(key, name) of each `"key": name` that a dict keeps."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(value, ast.Name):
                yield key.value, value.id


def _is_kept(function: ast.FunctionDef, name: ast.Name) -> bool:
    return any(isinstance(node, ast.Dict) and any(name is value for value in node.values) for node in _body(function))


def _last_assignment(function: ast.FunctionDef, name: str) -> int | None:
    ends = [node.end_lineno for node in _body(function) if isinstance(node, ast.Assign)
            for target in node.targets if isinstance(target, ast.Name) and target.id == name]  # fmt: skip
    return max((end for end in ends if end), default=None)
