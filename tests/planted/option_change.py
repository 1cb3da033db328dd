"""Mistakes that the check option-change must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdam, PlainRMSprop


@bug("T5", "option-change")
class AdamNeverStopsDecay(PlainAdam):
    """A weight_decay of 0 in the group leaves the one before in force."""

    def step_group(self, group):
        kept = vars(self).setdefault("kept", {})
        kept[id(group)] = group["weight_decay"] or kept.get(id(group), 0)
        super().step_group({**group, "weight_decay": kept[id(group)]})


@bug("T5", "option-change", cause="a change of amsgrad in the group is ignored")
class AdamKeepsTheMaximum(PlainAdam):
    """amsgrad is read at a group's first step, and kept."""

    def step_group(self, group):
        kept = vars(self).setdefault("kept", {}).setdefault(id(group), group["amsgrad"])
        super().step_group({**group, "amsgrad": kept})


@bug("T5", "option-change", cause="a change of weight_decay in the group is ignored")
class RMSpropKeepsDecay(PlainRMSprop):
    """weight_decay is read at a group's first step, and kept."""

    def gradient(self, p, grad, group):
        kept = vars(self).setdefault("kept", {}).setdefault(id(group), group["weight_decay"])
        return super().gradient(p, grad, {**group, "weight_decay": kept})


@bug("T5", "option-change", cause="a change of eps in the group is ignored")
class AdamKeepsEps(PlainAdam):
    """eps is read at a group's first step, and kept."""

    def step_group(self, group):
        kept = vars(self).setdefault("kept", {}).setdefault(id(group), group["eps"])
        super().step_group({**group, "eps": kept})
