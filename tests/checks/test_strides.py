"""Layouts of memory make no difference, and stay as they are."""

from __future__ import annotations

import torch

from twinstep.reference import torch_paths

from .one_check import ALONE, caught, run
from .right_optimizers import Momentum


class Flat(Momentum):
    """Takes elements in the order of memory, as a kernel does that was handed a bare pointer."""

    def move(self, p, state, group):
        def memory(x):
            whole = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage())
            return whole[x.storage_offset() : x.storage_offset() + x.numel()]

        memory(p).sub_(group["lr"] * memory(p.grad))


def test_elements_in_the_order_of_memory_are_caught():
    caught("strides", r"gradient contiguous of the parameter, step 1.*p0.param\[1\]", Flat, **ALONE)
    assert run("shapes", Flat, **ALONE) is None, "contiguous ones it steps rightly"


def test_torch_fused_takes_elements_in_the_order_of_memory():
    """A defect of torch: its CPU kernels read and write numel elements from the pointer on, whatever the strides."""

    def fused(params, lr=0.1, momentum=0.9):
        return torch_paths.build("SGD", "fused", params, lr=lr, momentum=momentum)

    caught("strides", "against its plain copy", fused, **ALONE)


def test_layouts_that_are_lost_are_caught():
    class Anew(Momentum):
        def move(self, p, state, group):
            p.data = (p.data - group["lr"] * p.grad).contiguous()

    class Spills(Momentum):
        def move(self, p, state, group):
            super().move(p, state, group)
            if p.stride() == (2,):
                torch.empty(0, dtype=p.dtype).set_(p.untyped_storage())[1::2].zero_()

    caught("strides", "laid out anew", Anew, **ALONE)
    caught("strides", "memory between the parameter's elements", Spills, **ALONE)
