"""Declared stochastic: seeds rule what is drawn, and its mean is the formula's."""

from __future__ import annotations

import torch

from .one_check import HYPER, caught, run
from .right_optimizers import MomentumWithDecay

DECLARED = {"cases": HYPER, "declared": frozenset({"stochastic"})}


class RandomHalf(MomentumWithDecay):
    """A random half of the elements, twice as far."""

    share, factor = 0.5, 2.0

    def draw(self, p):
        return torch.rand_like(p)

    def one(self, p, g, state, group):
        before = p.clone()
        super().one(p, g, state, group)
        p.copy_(torch.where(self.draw(p) < self.share, before + self.factor * (p - before), before))


class Biased(RandomHalf):
    share = 0.6


class NoSeed(RandomHalf):
    generator = torch.Generator().manual_seed(0)

    def draw(self, p):
        return torch.rand(p.shape, generator=self.generator, dtype=p.dtype)


def test_a_random_half_twice_as_far_has_the_mean():
    run("declared-stochastic", RandomHalf, **DECLARED)


def test_another_mean_is_caught():
    caught("declared-stochastic", "the mean of step 1 over 400 seeds", Biased, **DECLARED)


def test_what_no_seed_rules_is_caught():
    caught("declared-stochastic", "two runs from one seed", NoSeed, **DECLARED)


def test_a_declaration_that_is_false_is_told():
    caught("declared-stochastic", "two seeds give the same bits", MomentumWithDecay, **DECLARED)
