"""RMSprop with momentum and centering."""

import torch

from their_optim.common import Base


class TheirRMSprop(Base):
    def __init__(
        self, params, lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, maximize=False
    ):
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered,
            maximize=maximize,
        )  # fmt: skip

    def start(self, param, group, state):
        state["step"] = torch.tensor(0.0)
        state["square_avg"] = torch.zeros_like(param)
        if group["momentum"]:
            state["momentum_buffer"] = torch.zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = torch.zeros_like(param)

    def move(self, param, grad, group, state):
        from their_optim.roots import root  # late, as libraries do that avoid a cycle

        state["step"] += 1
        alpha, square = group["alpha"], state["square_avg"]
        square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            state["grad_avg"].lerp_(grad, 1 - alpha)
            square = square.addcmul(state["grad_avg"], state["grad_avg"], value=-1)
        scale = root(square, group["eps"])
        if group["momentum"]:
            state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, scale)
            param.add_(state["momentum_buffer"], alpha=-group["lr"])
        else:
            param.addcdiv_(grad, scale, value=-group["lr"])
