"""Mistakes that the check defaults must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam


@bug("T1", "defaults", "eps of Keras")
class AdamOtherDefault(PlainAdam):
    """eps is 1e-7 unless given."""

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-7, weight_decay=0, amsgrad=False, *, maximize=False,
        decoupled_weight_decay=False,
    ):  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
                         decoupled_weight_decay=decoupled_weight_decay)  # fmt: skip
