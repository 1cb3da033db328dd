"""Mistakes that the check zero-gradients must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad


@bug("T13", "zero-gradients", "optax#1754", cause="0/0: eps is missing, or underflows")
class AdagradDividesByZero(PlainAdagrad):
    """eps is added to gradients that are not zero, so that zero gives 0/0."""

    def root(self, total, group):
        return total.sqrt().add_((total > 0) * group["eps"])
