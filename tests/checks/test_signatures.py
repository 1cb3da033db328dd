"""What it overrides takes the arguments of torch.optim.Optimizer's methods."""

from __future__ import annotations

from torch.optim import Optimizer

from .controls import Controls
from .one_check import verdict
from .right_optimizers import MomentumWithDecay

controls = Controls("signatures")


@controls.caught("load_state_dict() takes no state_dict= (it takes sd)", "load_state_dict() takes other arguments")
class LoadsAnotherName(MomentumWithDecay):
    def load_state_dict(self, sd):
        super().load_state_dict(sd)


@controls.caught("zero_grad() requires set_to_none, which may be left out")
class MustBeToldHow(MomentumWithDecay):
    def zero_grad(self, set_to_none):
        super().zero_grad(set_to_none)


@controls.caught("step() takes closure by name alone, not as argument 1")
class ClosureByName(MomentumWithDecay):
    def step(self, *, closure=None):
        return super().step(closure)


@controls.caught("add_param_group() takes no param_group=")
class AnotherGroup(MomentumWithDecay):
    def add_param_group(self, group):
        super().add_param_group(group)


@controls.caught("state_dict() requires full as well")
class StateOnRequest(MomentumWithDecay):
    def state_dict(self, full):
        return super().state_dict()


@controls.each
def test_a_wrong_optimizer_is_caught(control):
    control.assert_caught()


class TakesAnything(MomentumWithDecay):
    def zero_grad(self, *args, **kwargs):
        super().zero_grad(*args, **kwargs)

    def step(self, closure=None, *, grad_scaler=None):
        return super().step(closure)


class Wrapper(Optimizer):
    """It hands on what an inner optimizer has, and is not what a checkpoint is given."""

    def __init__(self, params, lr=0.1):
        self.inner = MomentumWithDecay(params, lr=lr)

    param_groups = property(lambda self: self.inner.param_groups)
    state = property(lambda self: self.inner.state)
    defaults = property(lambda self: self.inner.defaults)

    def __repr__(self):
        return f"Wrapper({self.inner!r})"

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)

    def step(self, closure=None):
        return self.inner.step(closure)

    def load_state_dict(self, saved):
        self.inner.load_state_dict(saved)


def test_control_more_than_it_must_take_is_no_fault():
    assert verdict(TakesAnything, "signatures").status == "passed"


def test_what_wraps_another_optimizer_is_not_judged():
    found = verdict(Wrapper, "signatures")
    assert found.status == "not applicable" and "that it wraps" in found.message, str(found)
