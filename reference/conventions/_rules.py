"""What one slip of the hand makes of an expression: node, names of the numbers -> the expressions that may stand there.

The numbers are the options and what is computed of them alone; the others are tensors.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

TWINS = {"beta1": "beta2", "beta2": "beta1", "beta3": "beta2", "g": "grad", "m": "g", "v": "m"}


class Exchange(ast.NodeTransformer):
    def __init__(self, gone: list[ast.AST], other: ast.AST) -> None:
        self.gone, self.other = gone, other

    def visit(self, node: ast.AST) -> ast.AST:
        if any(node is gone for gone in self.gone):
            return copy.deepcopy(self.other)
        return self.generic_visit(node)


def scalars_of(function: ast.FunctionDef) -> set[str]:
    """The options, and what is computed of them alone: beta1, beta2 = betas."""
    found = {arg.arg for arg in function.args.kwonlyargs}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and set(_names(node.value)) <= found | {"step"}:
            found |= {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return found


def _names(node: ast.AST) -> list[str]:
    return list(dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name)))


def _is_number(node: ast.AST, value: float) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _comparisons(node: ast.AST, scalars: set[str]) -> Iterator[ast.AST]:
    """A name of it stands for another, or it is turned."""
    if not isinstance(node, ast.Compare):
        return
    for gone in ast.walk(node):
        if isinstance(gone, ast.Name):
            for name in _names(node):
                if name != gone.id:
                    yield _exchanged(node, gone, ast.Name(name, ast.Load()))
    turned: dict[type[ast.cmpop], ast.cmpop] = {
        ast.Gt: ast.GtE(),
        ast.GtE: ast.Gt(),
        ast.Lt: ast.LtE(),
        ast.LtE: ast.Lt(),
    }
    opposite: dict[type[ast.cmpop], ast.cmpop] = {
        ast.Gt: ast.Lt(),
        ast.Lt: ast.Gt(),
        ast.GtE: ast.LtE(),
        ast.LtE: ast.GtE(),
    }
    for table in (turned, opposite):
        if len(node.ops) == 1 and type(node.ops[0]) in table:
            yield ast.Compare(node.left, [table[type(node.ops[0])]], node.comparators)


def _divisions(node: ast.AST, scalars: set[str]) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield node.left
        yield ast.BinOp(node.left, ast.Mult(), node.right)


def _powers(node: ast.AST, scalars: set[str]) -> Iterator[ast.AST]:
    """A root or power left out; a square of which one factor is left."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
        yield node.left
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left = node.left.right if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Mult) else node.left
        if ast.dump(left) == ast.dump(node.right):
            yield from (node.left, ast.BinOp(node, ast.Mult(), node.right))
            if left is node.left:
                yield ast.Call(ast.Name("abs", ast.Load()), [left], [])


def _factors(node: ast.AST, scalars: set[str]) -> Iterator[ast.AST]:
    """A factor left out that is a number, or h and 1 - h exchanged."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return
    for gone, left in ((node.left, node.right), (node.right, node.left)):
        if not set(_names(gone)) <= scalars | {"step"}:
            continue
        yield left
        if isinstance(gone, ast.BinOp) and isinstance(gone.op, ast.Sub) and _is_number(gone.left, 1):
            yield _exchanged(node, gone, gone.right)
        elif isinstance(gone, ast.Name):
            yield _exchanged(node, gone, ast.BinOp(ast.Constant(1), ast.Sub(), gone))


def _signs(node: ast.AST, scalars: set[str]) -> Iterator[ast.AST]:
    """Another sign; one of the two left out; a weighted sum where one is added with its weight."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Add, ast.Sub)) or _is_number(node.left, 1):
        return
    yield ast.BinOp(node.left, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), node.right)
    yield node.left
    weighted = node.right
    if isinstance(node.op, ast.Add):
        yield node.right
        yield from _exchanged_weights(node, scalars)
        if (
            isinstance(weighted, ast.BinOp)
            and isinstance(weighted.op, ast.Mult)
            and set(_names(weighted.left)) <= scalars
        ):
            rest = ast.BinOp(ast.Constant(1), ast.Sub(), weighted.left)
            yield ast.BinOp(ast.BinOp(rest, ast.Mult(), node.left), ast.Add(), weighted)


def _exchanged_weights(node: ast.BinOp, scalars: set[str]) -> Iterator[ast.AST]:
    """Of h a + (1 - h) b the other: (1 - h) a + h b."""
    weights = [part for part in (_weight(node.left), _weight(node.right)) if set(_names(part)) <= scalars]
    if len(weights) == 2 and ast.dump(weights[1]) == ast.dump(ast.BinOp(ast.Constant(1), ast.Sub(), weights[0])):
        once = _exchanged(node, weights[0], weights[1])
        yield Exchange([_weight(once.right)], weights[0]).visit(once)  # type: ignore[attr-defined]


def _weight(node: ast.expr) -> ast.expr:
    """h of h a, and of h a b."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        node = node.left
    return node


def _choices(node: ast.AST, scalars: set[str]) -> Iterator[ast.AST]:
    """Of where, maximum and minimum one side always, or the other function."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return
    name, args = node.func.id, node.args
    if name == "where" and len(args) == 3:
        yield from (args[1], args[2], ast.Call(node.func, [args[0], args[2], args[1]], []))
    elif name in ("maximum", "minimum", "max", "min") and len(args) == 2:
        yield from args
        other = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max"}[name]
        yield ast.Call(ast.Name(other, ast.Load()), args, [])
    elif name in ("sign", "abs") and len(args) == 1:
        yield args[0]


def _twins(node: ast.AST, scalars: set[str]) -> Iterator[ast.AST]:
    """beta2 where beta1 belongs, m where v does, the gradient as it came; one more or less than the step's number."""
    if not isinstance(node, (ast.BinOp, ast.Call)):
        return
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for name in TWINS:  # beta h + (1 - beta) g with another beta
            places = [i for i, each in enumerate(ast.walk(node)) if isinstance(each, ast.Name) and each.id == name]
            if len(places) > 1:
                made = copy.deepcopy(node)
                nodes = list(ast.walk(made))
                yield Exchange([nodes[i] for i in places], ast.Name(TWINS[name], ast.Load())).visit(made)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and child.id in TWINS:
            yield _exchanged(node, child, ast.Name(TWINS[child.id], ast.Load()))
        if isinstance(child, ast.Name) and child.id == "step":
            for sign in (ast.Add(), ast.Sub()):
                yield _exchanged(node, child, ast.BinOp(child, sign, ast.Constant(1)))


def _exchanged(node: ast.AST, gone: ast.AST, other: ast.AST) -> ast.AST:
    """A copy of an expression with another in that place."""
    place = next(i for i, each in enumerate(ast.walk(node)) if each is gone)
    made = copy.deepcopy(node)
    changed: ast.AST = Exchange([list(ast.walk(made))[place]], other).visit(made)
    return changed


RULES = (_comparisons, _divisions, _powers, _factors, _signs, _choices, _twins)
