"""0-dimensional, one-element, empty and unaligned parameters step as plain copies of them, element for element.

Bugs: pytorch#100701 (0-dimensional parameters do not step), #82486 (an empty one raises). 1027 elements are full
blocks of any vector width and a rest, and unaligned once they begin one element into their storage. A plain copy
shares a fault of the rest or of four dimensions; there only the reference tells. A convolution's weight that steps in
the direction of its matrix steps by the matrix's scale as well (timm#2791).
Controls: an optimizer with each of these, one that steps full blocks only, one that averages convolutions.
"""

from __future__ import annotations

import torch

from ...context import Context, check, note
from ..cases import first_and_richest
from ..faults import unless_by_design
from ..histories import probe
from ..reference_agreement import judge_agreement
from ._convolutions import judge_scale_of_kernels
from ._memory_layout import STEPS, Layout, Shape, contiguous, judge_layout


def _unaligned(x: torch.Tensor) -> torch.Tensor:
    """One element into its storage, so that no vector load is aligned."""
    return torch.cat([torch.zeros(1, dtype=x.dtype, device=x.device), x.reshape(-1)])[1:].view(x.shape)


# name -> (shape, layout of the parameter, layout of the gradient, shape of the plain copy)
SHAPES: dict[str, tuple[Shape, Layout, Layout, Shape]] = {
    "0-dimensional": ((), contiguous, contiguous, (1,)),
    "one-element": ((1,), contiguous, contiguous, ()),
    "empty": ((0,), contiguous, contiguous, (0,)),
    "empty matrix": ((3, 0), contiguous, contiguous, (3, 0)),
    "1027 elements, unaligned": ((1027,), _unaligned, _unaligned, (1027,)),
}


# Held against the reference as well. The last has dimensions of one element, which some rules leave out.
REFERENCE_SHAPES: tuple[Shape, ...] = ((1027,), (2, 3, 4), (2, 3, 2, 2), (1, 2, 1, 3, 2))


# Where an element of a matrix has a part in another's step, square, tall and wide ones may each go a way of their own.
MATRICES: tuple[Shape, ...] = ((4, 4), (5, 3), (3, 5))


@check("T12", place=1, since="0.2")
def shapes(context: Context) -> None:
    for name, layout in SHAPES.items():
        judge_layout(context, name, *layout)
    # Plain copies share a fault in the elements behind the last full vector, or of all that have as many dimensions;
    # only the reference tells of it.
    coupled = not context.whole and (context.spec is None or not context.spec.elementwise)
    compared = REFERENCE_SHAPES + MATRICES if coupled else REFERENCE_SHAPES
    if context.spec is not None and context.spec.spectral:
        # Of a million elements of state six random runs agree by chance on one, and their spread is no bound of it.
        compared = (*REFERENCE_SHAPES[1:], *MATRICES)
        note("1,027 elements are not compared: matrices as large as a side belong to them")
    for case in first_and_richest(context) if context.against is not None else ():
        judge_agreement(context, case, probe(context, context.seed, steps=STEPS, shapes=compared), context.dtypes[0])
    for case in first_and_richest(context) if context.asks("0.3") and context.cases and not context.whole else ():
        unless_by_design(context, case, judge_scale_of_kernels)
