"""Layouts of memory make no difference, and stay as they are."""

from __future__ import annotations

import torch

from twinstep.bench.battery.checks.tensors._rounding_sensitivity import distance, rounding_explains
from twinstep.reference import torch_paths

from .one_check import ALONE, caught, run, verdict
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


class MagnifiesRounding(Momentum):
    """Divides by what is left of a difference of two equal sums, as a quasi-Newton step may."""

    def move(self, p, state, group):
        rest = (p.double().sum() + 1 - p.sum().double()).item()  # 1, but for what rounding did to the sum
        p.sub_(group["lr"] * p.grad * (1 + 1e4 * (rest - 1)))


def test_a_rounding_that_the_optimizer_magnifies_explains_so_much_and_no_more():
    generator = torch.Generator().manual_seed(0)
    start, gradient = [torch.randn(20, generator=generator)], [torch.randn(20, generator=generator)]
    backwards = [[x.flip(0) for x in each] for each in (start, gradient)]
    ends = []
    for begin, given in ((start, gradient), backwards):
        params = [torch.nn.Parameter(x.clone()) for x in begin]
        params[0].grad = given[0]
        MagnifiesRounding(params, lr=0.1, momentum=0).step()
        ends.append(params)
    apart = distance([ends[1][0].flip(0)], ends[0])
    assert rounding_explains(lambda params: MagnifiesRounding(params, lr=0.1, momentum=0), start, [gradient], apart)
    # control: what an optimizer that magnifies nothing does is no excuse for as much, nor for a wrong element
    assert not rounding_explains(lambda params: Momentum(params, lr=0.1), start, [gradient], 1e-4)
    assert not rounding_explains(lambda params: MagnifiesRounding(params, lr=0.1), start, [gradient], 0.1)


def test_lbfgs_in_float32_alone_passes_and_with_a_mistake_does_not():
    """On an EPYC processor two elements of its transposed parameter are summed in another order."""
    result = verdict("lbfgs", "strides", dtypes=("float32",))
    assert result.status == "passed", str(result)

    class InOrderOfMemory(torch.optim.LBFGS):
        def _gather_flat_grad(self):
            given = [torch.empty(0, dtype=p.dtype).set_(p.grad.untyped_storage()) for p in self._params]
            return torch.cat([g[: p.numel()] for g, p in zip(given, self._params, strict=True)])

    result = verdict(InOrderOfMemory, "strides", torch.optim.LBFGS, dtypes=("float32",))
    assert result.status == "failed" and "against its plain copy" in result.message, str(result)
