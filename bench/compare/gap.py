"""The gap between two trajectories, in units of the computed rounding bound."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The disagreement at one element of one step.

    gap_bounds  |ours - theirs| in units of bound; at most 1 for two right implementations
    bound       absolute: twice the first-order rounding error of the formula at that element
    gap_ulp     |ours - theirs| in units in the last place of theirs
    """

    step: int
    tensor: str
    element: int
    ours: float
    theirs: float
    bound: float
    gap_bounds: float
    gap_ulp: float

    def __str__(self) -> str:
        neither = not np.isfinite(self.ours) and not np.isfinite(self.theirs)
        return (
            f"step {self.step}: gap {self.gap_bounds:.3g} bounds ({self.tensor}[{self.element}]: "
            f"ours {self.ours!r}, theirs {self.theirs!r}, bound {self.bound:.3g})"
            # It could be read as a mistake of ours: nan beside nan looks equal.
            + ("; neither is finite, which proves nothing" if neither else "")
        )

    def row(self) -> dict[str, Any]:
        """The measured columns of a row of kind "agreement"."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Both trajectories, the formula's value and error, and the gap in bounds; arrays of shape (steps, elements).

    no_number   where neither side may have a number: nothing is compared there, or the formula's exact value is none
    slots       (name, first element) of each tensor within the second dimension
    """

    ours: np.ndarray
    theirs: np.ndarray
    value: np.ndarray
    error: np.ndarray
    gap_bounds: np.ndarray
    no_number: np.ndarray
    slots: tuple[tuple[str, int], ...]
    dtype: str

    @property
    def agrees(self) -> bool:
        """Whether no element of any step is beyond what rounding explains."""
        return bool((self.gap_bounds <= 1).all())

    def worst(self) -> Gap:
        """The largest gap of all steps and elements."""
        return self._at(int(self.gap_bounds.argmax()))

    def first_failure(self) -> Gap | None:
        """The largest gap of the first step at which the two disagree: nearest to the cause."""
        steps = np.flatnonzero((self.gap_bounds > 1).any(axis=1))
        if steps.size == 0:
            return None
        first = int(steps[0])
        # argmax takes the first of equals: of several infinite gaps the parameter's, which stands before its state.
        return self._at(first * self.gap_bounds.shape[1] + int(self.gap_bounds[first].argmax()))

    def worst_ulp(self, tensor: str) -> float:
        """The largest gap of the tensors of this name (such as "param"), in units in the last place of theirs."""
        bounds = [*(start for _, start in self.slots), self.ours.shape[1]]
        parts = [
            slice(bounds[i], bounds[i + 1]) for i, (name, _) in enumerate(self.slots) if name.split(".")[-1] == tensor
        ]
        with np.errstate(invalid="ignore"):
            return max(float(np.nanmax(ulps(self.ours[:, p], self.theirs[:, p], self.dtype))) for p in parts)

    def _at(self, flat: int) -> Gap:
        step, k = divmod(flat, self.gap_bounds.shape[1])
        name, start = [slot for slot in self.slots if slot[1] <= k][-1]
        ours, theirs = self.ours[step, k], self.theirs[step, k]
        return Gap(
            step=step + 1,
            tensor=name,
            element=k - start,
            ours=float(ours),
            theirs=float(theirs),
            bound=float(2 * self.error[step, k]),
            gap_bounds=float(self.gap_bounds[step, k]),
            gap_ulp=float(ulps(ours, theirs, self.dtype)),
        )


def ulps(ours: Any, theirs: Any, dtype: str) -> Any:
    """The distance in units in the last place of theirs."""
    # For people only. It bounds nothing, since terms cancel: right implementations stand 3e3 units apart in plain
    # gradient descent away from 0, 6e5 with dampening, 5e6 in RMSProp's momentum.
    finfo = torch.finfo(getattr(torch, dtype))
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(theirs), finfo.tiny)
        return np.abs(np.subtract(ours, theirs)) / (2.0 ** np.floor(np.log2(size)) * finfo.eps)


def gaps(
    ours: np.ndarray, theirs: np.ndarray, value: np.ndarray, error: np.ndarray, no_number: np.ndarray | bool = False
) -> np.ndarray:
    """|ours - theirs| in units of twice the error; inf where a side is not finite.

    no_number   where two that are equally not finite agree: the formula's exact value is no number, or nothing is
                compared. Without it they prove nothing: the formula may be what is wrong
    """
    with np.errstate(all="ignore"):
        found: np.ndarray = np.where(ours == theirs, 0.0, np.abs(ours - theirs) / (2 * error))
    # Where one side is NaN there is no distance, and nothing is worse.
    found[np.isnan(found) | ~np.isfinite(ours) | ~np.isfinite(theirs)] = np.inf
    found[alike_not_finite(ours, theirs) & no_number] = 0.0
    return found


def alike_not_finite(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Where both are NaN, or the same infinity."""
    found: np.ndarray = (np.isnan(ours) & np.isnan(theirs)) | (np.isinf(ours) & (ours == theirs))
    return found
