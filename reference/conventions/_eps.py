"""eps in every other place of any formula: inside the root, added instead of a bound from below, left out."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from ._sites import Slip, replaced

ADDED_TO_THE_SQUARE = "eps is added to g^2, not a lower bound"


def of_eps(function: ast.FunctionDef) -> Iterator[Slip]:
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    for node in nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _has_eps(node.right):
            yield from _beside_a_root(function, node)
    yield from _bounds_from_below(function, [found for node in nodes if (found := _bound(node))])


def _has_eps(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Name) and n.id.startswith("eps") for n in ast.walk(node))


def _beside_a_root(function: ast.FunctionDef, node: ast.BinOp) -> Iterator[Slip]:
    """sqrt(v) + eps."""
    yield Slip("eps is left out", replaced(function, node, node.left))
    squared = ast.BinOp(node.left, ast.Add(), ast.BinOp(node.right, ast.Mult(), node.right))
    yield Slip("the square of eps is added", replaced(function, node, squared))
    bound = ast.Call(ast.Name("maximum", ast.Load()), [node.left, node.right], [])
    root = node.left
    if isinstance(root, ast.BinOp) and isinstance(root.op, ast.Pow):
        inside = ast.BinOp(ast.BinOp(root.left, ast.Add(), node.right), ast.Pow(), root.right)
        yield Slip("eps stands inside the root", replaced(function, node, inside))
        square = ast.BinOp(node.right, ast.Mult(), node.right)
        inside = ast.BinOp(ast.BinOp(root.left, ast.Add(), square), ast.Pow(), root.right)
        yield Slip("the square of eps stands inside the root", replaced(function, node, inside))
    yield Slip("eps is a lower bound instead of added", replaced(function, node, bound))


def _bound(node: ast.AST) -> tuple[ast.Call, ast.expr, ast.expr] | None:
    """maximum(v, eps): the call, what is bounded, and the bound."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("max", "maximum"):
        if len(node.args) == 2 and _has_eps(node.args[1]) and not _has_eps(node.args[0]):
            return node, node.args[0], node.args[1]
        if len(node.args) == 2 and _has_eps(node.args[0]) and not _has_eps(node.args[1]):
            return node, node.args[1], node.args[0]
    return None


def _bounds_from_below(
    function: ast.FunctionDef, bounds: list[tuple[ast.Call, ast.expr, ast.expr]]
) -> Iterator[Slip]:  # fmt: skip
    # Of a vector eps^2 added to each square is eps^2 added to their average: the one that papers have comes first.
    numbers = [wide for *_, wide in bounds if not any(isinstance(n, ast.Subscript) for n in ast.walk(wide))]
    names = dict.fromkeys(
        n.id for wide in numbers for n in ast.walk(wide) if isinstance(n, ast.Name) and n.id.startswith("eps")
    )
    for name in names:
        eps = ast.Name(name, ast.Load())
        yield Slip(ADDED_TO_THE_SQUARE, _with_added(function, name, ast.BinOp(eps, ast.Mult(), eps)))
        yield Slip("eps, and not its square, is added to g^2, not a lower bound", _with_added(function, name, eps))
    for call, value, bound in bounds:
        added = ast.BinOp(value, ast.Add(), bound)
        says = f"eps is added instead of a lower bound: `{ast.unparse(added)}` where `{ast.unparse(call)}` belongs"
        yield Slip(says, replaced(function, call, added))
        says = f"eps is no lower bound: `{ast.unparse(value)}` where `{ast.unparse(call)}` belongs"
        yield Slip(says, replaced(function, call, value))


def _with_added(function: ast.FunctionDef, name: str, more: ast.expr) -> ast.FunctionDef:
    """No bound from below by that name, and every square of a gradient larger by so much."""

    class Exchange(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            found = _bound(node)
            named = found and any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(found[2]))
            return found[1] if found and named else node

        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            if not isinstance(node.op, ast.Mult) or not _is_gradient(node.right):
                return node
            left, wider = node.left, ast.BinOp(ast.BinOp(node.right, ast.Mult(), node.right), ast.Add(), more)
            if _is_gradient(left):
                return copy.deepcopy(wider)
            if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult) and _is_gradient(left.right):
                return ast.BinOp(left.left, ast.Mult(), copy.deepcopy(wider))  # (1 - beta) * g * g
            return node

    changed = Exchange().visit(copy.deepcopy(function))
    assert isinstance(changed, ast.FunctionDef)
    return changed


def _is_gradient(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("g", "grad")
