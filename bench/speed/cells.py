"""The cells of the benchmarks, each an optimizer's case at one model shape, and which of them are timed by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...scratch_impls import Case, Spec, as_shape
from .contest import implementations, representatives
from .shapes import SHAPES, elements
from .timing import step_bytes

# The one shape on which a step takes up to seconds and a cell up to minutes (L-BFGS: five, and 2.5 GB).
LARGE = "large"
# What a cell may hold by default: pytest, torch and the tests take 0.5 GB more, and a session stays below 2 GB.
# It did not with three states and five implementations (2.1 GB).
_MOST_BYTES = 1.25e9


@dataclass(frozen=True)
class Cell:
    spec: Spec
    case: Case
    shape: str

    @property
    def name(self) -> str:
        """optimizer-shape, or optimizer/case-shape for a case other than the first."""
        return f"{label(self.spec.name, self.case.name if self.case is not self.spec.cases[0] else '')}-{self.shape}"

    @property
    def moved(self) -> float:
        """How often a step moves every element: the parameter, its gradient and each of its states, to and fro."""
        shapes = [as_shape(shape, self.spec.dims) for shape in SHAPES[self.shape]]
        return step_bytes(self.spec, self.case.hyper, shapes, "float32") / (4 * elements(shapes))

    @property
    def held_bytes(self) -> float:
        """About what timing it takes at once: all implementations with their states, gradients, stream, temporaries."""
        # `step_bytes` counts three for parameter and gradient, two for each state.
        states = (self.moved - 3) / 2
        # Parameters and states of each; those drawn, and the gradients; the stream's two arrays (`Stream`: a third of
        # what is moved, each); six for the temporaries of a step.
        arrays = len(implementations(self.spec)) * (1 + states) + 2 + self.moved * 2 / 3 + 6
        return 4 * elements(SHAPES[self.shape]) * arrays


def label(optimizer: str, case: str) -> str:
    return f"{optimizer}/{case}" if case else optimizer


def all_cells(specs: Iterable[Spec]) -> dict[str, Cell]:
    """Name -> cell, in the order in which they are timed."""
    found = [Cell(spec, case, shape) for spec in specs for case in representatives(spec) for shape in SHAPES]
    return {cell.name: cell for cell in found}


def left_out(cells: Mapping[str, Cell]) -> set[str]:
    """The names of those that only `--full` times: the large shape of all but a few optimizers.

    There a step is memory traffic, and who moves as many arrays takes about as long: of those that move equally many,
    one shows it, that with the most implementations. The small shapes show what differs, the calls of each formula.
    """
    large = [cell for cell in cells.values() if cell.shape == LARGE]
    fitting = [cell for cell in large if cell.held_bytes <= _MOST_BYTES]
    shown: dict[int, Cell] = {}
    for cell in sorted(fitting, key=lambda cell: -len(implementations(cell.spec))):  # stable: the first of equals
        shown.setdefault(round(cell.moved), cell)
    return {cell.name for cell in large} - {cell.name for cell in shown.values()}
