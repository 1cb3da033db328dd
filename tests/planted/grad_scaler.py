"""Mistakes that the check grad-scaler must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainSGD


@bug("T13", "grad-scaler", "optax#1784", supports=("grad-scaler",))
class SGDIgnoresTheScaler(PlainSGD):
    """It declares the scaler's protocol and reads neither found_inf nor grad_scale."""

    _step_supports_amp_scaling = True
