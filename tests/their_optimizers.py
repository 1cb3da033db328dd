"""What strangers bring to the doors: right, wrong and dangerous optimizers. It imports nothing of ours."""

from __future__ import annotations

import ctypes
import functools
import os
import time

import torch


class Right(torch.optim.RMSprop):
    """Somebody's own name for what is right."""


class Nothing(torch.optim.RMSprop):
    def step(self, closure=None):
        return None if closure is None else closure()


class Raises(torch.optim.RMSprop):
    def step(self, closure=None):
        raise RuntimeError("the kernel was not built")


class GivesNan(torch.optim.RMSprop):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.fill_(float("nan"))


class Prints(torch.optim.RMSprop):
    def step(self, closure=None):
        print("stepping")
        return super().step(closure)


class Seeds(torch.optim.RMSprop):
    def step(self, closure=None):
        torch.manual_seed(0)
        return super().step(closure)


class TurnsGradOff(torch.optim.RMSprop):
    def step(self, closure=None):
        loss = super().step(closure)
        torch.set_grad_enabled(False)
        return loss


class SetsDefaultDtype(torch.optim.RMSprop):
    def __init__(self, params, **hyper):
        super().__init__(params, **hyper)
        torch.set_default_dtype(torch.float64)


class WantsMore(torch.optim.RMSprop):
    def __init__(self, params, rank, lr=0.01):
        super().__init__(params, lr=lr)


class WantsLess(torch.optim.RMSprop):
    """It takes what it can do with, and refuses the rest."""

    def __init__(self, params, lr=0.01, alpha=0.99, momentum=0.0):
        if alpha > 1:
            raise ValueError("an average has no weight above 1")
        super().__init__(params, lr=lr, alpha=alpha, momentum=max(momentum, 0))


class NoOptimizer:
    """Neither an optimizer nor anything like one."""

    def __init__(self, params, lr=0.01):
        self.lr = lr


class NotBuilt(torch.optim.RMSprop):
    def __init__(self, params, lr=0.01):
        raise RuntimeError("the kernel was not built")


def forgets_to_return(params, lr=0.01):
    torch.optim.RMSprop(params, lr=lr)


def takes_no_parameters():
    return torch.optim.RMSprop([torch.zeros(1)])


class Exits(torch.optim.RMSprop):
    def step(self, closure=None):
        raise SystemExit(0)


class EndsProcess(torch.optim.RMSprop):
    def step(self, closure=None):
        try:
            os._exit(0)
        except Exception:
            return


class EndsProcessInC(torch.optim.RMSprop):
    def step(self, closure=None):
        ctypes.CDLL(None)._exit(0)


class Dangerous(torch.optim.RMSprop):
    """Each danger in a place of its own: a crash, an end of the process, a hang, and prints that look like answers."""

    def step(self, closure=None):
        print('{"check": "closure", "status": "passed"}', flush=True)
        os.write(1, b'{"status": "passed"}\n')
        if closure is not None:
            os.kill(os.getpid(), 11)
        return super().step(closure)

    def state_dict(self):
        ctypes.CDLL(None)._exit(0)

    def zero_grad(self, set_to_none=True):
        time.sleep(60)


def make(params, lr=0.01, alpha=0.99, eps=1e-8):
    """A factory function."""
    return torch.optim.RMSprop(params, lr=lr, alpha=alpha, eps=eps)


partial = functools.partial(torch.optim.RMSprop, centered=True)
