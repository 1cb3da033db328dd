"""Mistakes that the check complex-numbers must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad


@bug("T12", "complex-numbers", "pytorch#106951", supports=("complex",))
class AdagradSquaresComplex(PlainAdagrad):
    """The accumulator adds g * g of complex gradients, as the plain class does, which does not declare them."""
