"""What a tree has to be judged and timed: its optimizers, and its own benchmarks."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ... import scratch_impls
from ...reference.known_defects import expected_failures
from ...scratch_impls import Spec, as_shape
from ..adapter import as_optimizer
from ..battery.against import Against, against_of
from ..battery.request import resolve
from ..battery.subject import Owner, subject_of
from ..compare.replay import Factory
from ..speed.contest import representatives, steps_of
from ..speed.shapes import SHAPES, Shapes
from .config import Entry, Settings
from .trees import Tree

# One that is nothing but calls, and one that is mostly arithmetic in the cache: a slower formula shows in both or in
# one of them. Larger ones cost seconds a block and show memory traffic, which `pytest --benchmark-only` looks at.
TIMED_SHAPES = ("tiny", "mlp")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One optimizer of one tree.

    against     what it is held against; None for nothing
    timed       name of a case -> hyperparameters
    spec        the formula that bounds it
    formula     the formula that it is, of whichever tree; None for a class
    expected_in format -> the checks that are known to fail in it, each with its reason
    """

    name: str
    make: Factory
    against: Against | None
    timed: Mapping[str, Mapping[str, Any]]
    expected_in: Callable[[str], Mapping[str, str]] = lambda dtype: {}
    supports: tuple[str, ...] = ()
    declare: tuple[str, ...] = ()
    spec: Spec | None = None
    formula: Spec | None = None

    @property
    def judged(self) -> Any:
        """What the battery is given: of a formula, that it is one, which a class of another tree does not show."""
        if self.formula is None:
            return self.make
        return replace(subject_of(self.make, self.name), formula=self.formula, owner=Owner.OURS)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One thing that is timed: an optimizer's step with a case on shapes, or a benchmark of the library's own."""

    name: str
    optimizer: str = ""
    hyper: Mapping[str, Any] = field(default_factory=dict)
    shapes: Shapes = ()
    benchmark: str = ""

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Cell:
        """What `asdict` made of a cell, after its way through JSON, which has no tuples."""
        return cls(**{**body, "shapes": tuple(map(tuple, body["shapes"]))})

    @property
    def series(self) -> str:
        """A fingerprint of what is timed: a history in which it changes starts anew."""
        definition = json.dumps([self.optimizer, sorted(self.hyper.items()), self.shapes, self.benchmark], default=str)
        # Not hash(), which is another in every process (PYTHONHASHSEED).
        return hashlib.sha256(definition.encode()).hexdigest()[:8]


def optimizers(tree: Tree, settings: Settings, base: Tree | None = None) -> dict[str, Callable[[], Subject]]:
    """Name -> how to make its Subject; what one of them raises concerns that one alone.

    base    the tree whose formulas and files judge; the tree itself unless given
    """
    found: dict[str, Callable[[], Subject]] = {}
    if settings.formulas:
        for name in tree.load("scratch_impls").names():
            found[name] = functools.partial(_formula, tree, name)
    for entry in settings.optimizers:
        found[entry.optimizer] = functools.partial(_theirs, tree, entry, base or tree)
    return found


def _formula(tree: Tree, name: str) -> Subject:
    """The formula through its own tree's adapter, held against its twin by the formula that this program has of it."""
    # The head's formula, bounded and paired by what the base's program knows of that name; a new one by its own.
    theirs = tree.load("scratch_impls").load(name)
    known = name in scratch_impls.names()
    spec = scratch_impls.load(name) if known else theirs
    defects = expected_failures if known else tree.load("reference.known_defects").expected_failures
    ours = as_optimizer(name) if known else tree.load("bench.adapter").as_optimizer(name)
    return Subject(
        name=name, make=tree.load("bench.adapter").as_optimizer(theirs), spec=spec, formula=theirs,
        expected_in=lambda dtype: defects(ours, (dtype,)),
        against=against_of(subject_of(as_optimizer(spec)), None),
        timed={case.name: case.hyper for case in representatives(spec)},
    )  # fmt: skip


def _theirs(tree: Tree, entry: Entry, base: Tree) -> Subject:
    make = tree.get(entry.optimizer)
    reference: Any = entry.against or None
    if reference and reference.endswith(".py"):
        reference = base.root / reference
    elif reference and reference.partition(":")[0].partition(".")[0] in base.packages:
        reference = base.get(reference)
    elif reference and ":" in reference:
        reference = resolve(reference)
    against = against_of(subject_of(make), reference)
    return Subject(
        name=entry.optimizer, make=make, against=against, spec=against.spec if against else None,
        timed={"default": dict(entry.hyper)}, expected_in=lambda dtype: dict(entry.expected_failures),
        supports=entry.supports,
        declare=entry.declare,
    )  # fmt: skip


def judged_in(subject: Subject) -> str:
    """The format of the quick battery: of a search, whose end float32 leaves open, float64."""
    return "float64" if subject.spec is not None and subject.spec.closure else "float32"


def longest_first(names: Iterable[str]) -> list[str]:
    """The optimizers in the order in which processes that share them take them: what takes longest must not come last.

    Measured: of seventeen formulas a search takes 9 s, one of matrices 8 s, others 1 to 4 s, the more cases the longer.
    """

    def weight(name: str) -> tuple[bool, bool, int]:
        if name not in scratch_impls.names():  # of a library, or new: nothing is known before it was made
            return False, False, 0
        spec = scratch_impls.load(name)
        return spec.closure, spec.dims is not None, len(spec.cases)

    return sorted(sorted(names), key=weight, reverse=True)


def cells(subject: Subject) -> list[Cell]:
    """What is timed of an optimizer, on as many elements for each, in such shapes as its rule takes."""
    dims = subject.spec.dims if subject.spec else None
    # The same number of elements for every rule, so that times of one table can be read beside each other.
    shapes = {name: tuple(as_shape(shape, dims) for shape in SHAPES[name]) for name in TIMED_SHAPES}
    return [
        Cell(name=f"{subject.name}/{case} {name}", optimizer=subject.name, hyper=hyper, shapes=shapes[name])
        for case, hyper in subject.timed.items()
        for name in TIMED_SHAPES
    ]


def benchmark_cell(target: str) -> Cell:
    """The cell of a library's own benchmark, MODULE:FUNCTION."""
    return Cell(name=target, benchmark=target)


def stepper(make: Factory, cell: Cell, seed: int) -> Callable[[], Any]:
    """A function that takes one step of a new optimizer, on parameters and gradients drawn from the seed."""
    generator = torch.Generator().manual_seed(seed)
    params = [torch.randn(shape, generator=generator).requires_grad_() for shape in cell.shapes]
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator)
    return steps_of(make, params, cell.hyper)


def own_benchmark(tree: Tree, cell: Cell) -> Callable[[], Any]:
    """What their function returns. TypeError when that cannot be called."""
    step = tree.get(cell.benchmark)()
    if not callable(step):
        raise TypeError(f"{cell.benchmark}() returned a {type(step).__name__}; it must return the function to time")
    found: Callable[[], Any] = step
    return found


def has_benchmark(root: Path, target: str) -> bool:
    """Whether the files below root define MODULE:FUNCTION; nothing is imported."""
    module, _, name = target.partition(":")
    stem = root / Path(*module.split("."))
    for file in (stem.with_suffix(".py"), stem / "__init__.py"):
        if file.is_file():
            # Reading, not importing: an import would run the head's code before anything isolates it.
            body = ast.parse(file.read_text(encoding="utf-8")).body
            return any(isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == name for n in body)
    return False
