"""Mistakes that the check strides must catch."""

from __future__ import annotations

from ._bug import bug
from .plain import PlainAdagrad, PlainAdam, PlainRMSprop, PlainSGD


@bug("T12", "strides", "pytorch#59998")
class SGDViews(PlainSGD):
    """p.view(-1) raises where the elements are not in a row."""

    def step_one(self, p, grad, state, group):
        super().step_one(p.view(-1), grad.view(-1), state, group)


@bug("T12", "strides", "TransformerEngine#3207")
class AdagradReshapes(PlainAdagrad):
    """p.reshape(-1) is a copy where the elements are not in a row, and the copy steps."""

    def step_one(self, p, grad, state, group):
        super().step_one(p.reshape(-1), grad.reshape(-1), state, group)


@bug("T12", "strides", "a kernel that takes pointers")
class RMSpropReadsMemory(PlainRMSprop):
    """Gradients are read in the order of memory."""

    def step_one(self, p, grad, state, group):
        if not grad.is_contiguous() and 0 not in grad.stride():
            grad = grad.as_strided((grad.numel(),), (1,)).view(grad.shape)
        super().step_one(p, grad, state, group)


@bug("T12", "strides")
class AdamReplacesData(PlainAdam):
    """The parameter gets new memory, so that views of it are left behind."""

    def step_one(self, p, grad, state, group):
        p.data = p.data.contiguous().clone()
        super().step_one(p, grad, state, group)
