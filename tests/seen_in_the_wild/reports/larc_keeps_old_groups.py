"""Seen in the wild: NVIDIA/apex#766.

A wrapper shows the groups that the inner optimizer had at construction; after load_state_dict the inner one has
others, and a learning rate that is set in what the wrapper shows rules nothing any more.
"""

from __future__ import annotations

from torch.optim import SGD, Optimizer


class LARC(Optimizer):
    bug = True

    def __init__(self, inner):
        self.optim = inner
        self._shown = inner.param_groups

    @property
    def param_groups(self):
        return self._shown if self.bug else self.optim.param_groups

    @property
    def state(self):
        return self.optim.state

    @property
    def defaults(self):
        return self.optim.defaults

    def __getstate__(self):
        return {"optim": self.optim, "_shown": self._shown}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._shown = self.optim.param_groups

    def __repr__(self):
        return f"LARC({self.optim!r})"

    def state_dict(self):
        return self.optim.state_dict()

    def load_state_dict(self, saved):
        self.optim.load_state_dict(saved)

    def zero_grad(self, *args, **kwargs):
        self.optim.zero_grad(*args, **kwargs)

    def add_param_group(self, group):
        self.optim.add_param_group(group)
        if self._shown is not self.optim.param_groups:
            self._shown.append(self.optim.param_groups[-1])

    def step(self, closure=None):
        return self.optim.step(closure)

    def register_step_pre_hook(self, hook):
        return self.optim.register_step_pre_hook(lambda o, a, k: hook(self, a, k))

    def register_step_post_hook(self, hook):
        return self.optim.register_step_post_hook(lambda o, a, k: hook(self, a, k))


class FixedLARC(LARC):
    bug = False


def Made(params, lr=1e-3, momentum=0, weight_decay=0):
    return LARC(SGD(params, lr=lr, momentum=momentum, weight_decay=weight_decay))


def Right(params, lr=1e-3, momentum=0, weight_decay=0):
    return FixedLARC(SGD(params, lr=lr, momentum=momentum, weight_decay=weight_decay))
