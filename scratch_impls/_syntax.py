"""What a formula file may say, told from its syntax tree before anything of it runs.

A word outside the vocabulary would work on one kind of numbers and fail on another, and the class that is judged would
get the blame. So it is refused with its line, and with what there is instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from . import vocabulary
from ._remedies import PAGE, RANDOM, instead, no_module
from .spec import FORMS, SpecError

# Python's own that a formula may call.
BUILTINS = frozenset({
    "abs", "all", "any", "bool", "dict", "enumerate", "float", "int", "len", "list", "max", "min", "range", "reversed",
    "sum", "tuple", "zip", "str", "True", "False", "None",
})  # fmt: skip
# What an array is asked for, and what lists and dicts do; a file's own named tuples add their fields.
ATTRIBUTES = frozenset({"T", "shape", "ndim", "eps", "append", "get", "items", "keys", "values"})
DRAWS = frozenset({"uniform", "normal", "rounded"})
HERE = ("Case", "Spec", "State", "as_shape", "case", "map_state")
MODULES = frozenset({"__future__", "typing", "collections.abc"})

REFUSED = {
    ast.Global: "global: state is what update gets and returns",
    ast.Nonlocal: "nonlocal: state is what update gets and returns",
    ast.With: "with: a formula only computes",
    ast.Try: "try: say what must hold in Spec(requires=...)",
    ast.Raise: "raise: say what must hold in Spec(requires=...)",
    ast.Assert: "assert: say what must hold in Spec(requires=...)",
    ast.Delete: "del: leave the name alone, and return the state without it",
    ast.AsyncFunctionDef: "async: a formula only computes",
    ast.Yield: "yield: return what there is",
    ast.YieldFrom: "yield: return what there is",
    ast.Match: "match: write if and elif",
}


def refuse_foreign_words(path: Path) -> None:
    """SpecError with line and remedy for the first word of a formula file that is not a formula's.

    What is no Python at all is left to the import, which says so.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return
    # Not as the tree is walked, but as a reader meets them.
    for line, _, told in sorted(foreign_words(tree)):
        raise SpecError(f"{path}:{line}: {told}")


def foreign_words(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """(line, column, what is refused and what there is instead) of everything that is no formula's."""
    file = _File(tree)
    for node in ast.walk(tree):
        for told in file.refused(node):
            yield node.lineno, node.col_offset, told  # type: ignore[attr-defined]


class _File:
    """What one file defines: its names, the modules that it imports and the fields of its named tuples."""

    def __init__(self, tree: ast.Module) -> None:
        self.foreign = _foreign_modules(tree)
        self.names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.names |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
        self.names |= {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        self.names |= {(a.asname or a.name).partition(".")[0] for n in imports for a in n.names}
        self.fields = _fields(tree)
        for node in imports:
            if isinstance(node, ast.ImportFrom) and node.level and (helper := _helper(node)) is not None:
                self.fields |= _fields(ast.parse(helper.read_text(encoding="utf-8")))
        self.draws = any(n.arg == "rng" for n in ast.walk(tree) if isinstance(n, ast.arg))

    def refused(self, node: ast.AST) -> Iterator[str]:
        """What is said of one node of the tree: nothing, where it may stand in a formula."""
        for kind, told in REFUSED.items():
            if isinstance(node, kind):
                yield f"{told}; {PAGE}"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from self.of_import(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield from self.of_name(node)
        elif isinstance(node, ast.Attribute):
            yield from self.of_attribute(node)
        elif isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] != ["NamedTuple"]:
            told = f"write class {node.name}(NamedTuple) to keep values together"
            yield f"class {node.name}: a formula is functions; {told}"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            yield "~: of Python's True it makes -2; turn the comparison, or exchange a and b of where"

    def of_import(self, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        if isinstance(node, ast.Import):
            used = set(self.foreign.values())
            for alias in node.names:
                if alias.name not in used:  # where it is used, the word that is used says more
                    yield no_module(alias.name)
            return
        module = node.module or ""
        if node.level and _helper(node) is not None:
            return
        if (node.level and module in ("", "spec", "vocabulary")) or module == "twinstep.scratch_impls":
            for alias in node.names:
                if alias.name not in (*HERE, *vocabulary.__all__):
                    yield f"no word {alias.name!r}: {instead(alias.name)}"
        elif node.level or module not in MODULES:
            words = ", ".join(alias.name for alias in node.names)
            yield f"{words} of {module or '.'}: {instead(node.names[0].name)}"

    def of_name(self, node: ast.Name) -> Iterator[str]:
        if node.id in self.names or node.id in BUILTINS or node.id == "__name__":
            return
        if node.id == "rng":
            yield f"rng: {RANDOM}"
        elif node.id == "lr":
            yield "lr: update must take the keyword lr"
        elif any(node.id in form for form in FORMS):
            forms = ", or ".join(f"({', '.join(form)}, *, ...)" for form in FORMS)
            yield f"{node.id}: update must begin with {forms}"
        else:
            yield f"no word {node.id!r}: {instead(node.id)}"

    def of_attribute(self, node: ast.Attribute) -> Iterator[str]:
        base = ast.unparse(node.value)
        top = base.partition(".")[0]
        if top in self.foreign:
            if isinstance(node.value, ast.Name) or node.attr not in ("random", "linalg", "special"):
                yield f"{base}.{node.attr}: {instead(node.attr, base)}"
            return
        if base == "rng":
            if node.attr not in DRAWS and self.draws:
                yield f'rng.{node.attr}: there are rng.uniform(x), rng.normal(x) and rng.rounded(x, "bfloat16")'
        elif node.attr not in ATTRIBUTES | self.fields:
            yield f".{node.attr}: {instead(node.attr)}"


def _foreign_modules(tree: ast.Module) -> dict[str, str]:
    """The name in the file -> module, for each `import module` whose attributes the file uses."""
    bound = {
        (alias.asname or alias.name.partition(".")[0]): alias.name
        for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }  # fmt: skip
    used = {n.value.id for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    return {name: module for name, module in bound.items() if name in used}


def _helper(node: ast.ImportFrom) -> Path | None:
    """The file beside the formulas that several of them share, such as _line_search.py."""
    path = Path(__file__).with_name(f"{node.module}.py")
    return path if (node.module or "").startswith("_") and node.module != "_syntax" and path.is_file() else None


def _fields(tree: ast.Module) -> set[str]:
    classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    return {
        f.target.id for c in classes for f in c.body if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)
    }
